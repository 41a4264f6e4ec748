package lapwingv1

import "crypto/ed25519"

// Validate checks sizes only; internal/policydoc verifies the signature and
// reads the document.
func (x *SignedPolicy) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		size("document", x.Document, 1, MaxPolicy),
		size("signature", x.Signature, ed25519.SignatureSize, ed25519.SignatureSize),
	)
}

// Validate checks the limits stated in policy.proto.
func (x *Policy) Validate() error {
	if x == nil {
		return missing()
	}
	if err := first(
		atLeast("version", x.Version, 1),
		slug("school", x.School),
		atLeast("issued_ms", x.IssuedMs, 1),
		size("rules", x.Rules, 1, MaxPolicy),
		each("packs", 256, x.Packs),
		text("proposed_by", x.ProposedBy, 256),
		text("approved_by", x.ApprovedBy, 256),
		text("group", x.Group, 64),
	); err != nil {
		return err
	}
	return first(
		optional("limits", x.Limits != nil, x.Limits),
		optional("usb", x.Usb != nil, x.Usb),
		optional("lock", x.Lock != nil, x.Lock),
		optional("posture", x.Posture != nil, x.Posture),
		optional("schedule", x.Schedule != nil, x.Schedule),
		each("places", MaxPlaces, x.Places),
		optional("canary", x.Canary != nil, x.Canary),
		optional("notice", x.Notice != nil, x.Notice),
		texts("shared_accounts", x.SharedAccounts, 64, 64),
	)
}

// slug checks a school's short name: 1 to 64 of a-z, 0-9 and "-".
func slug(field, s string) error {
	if err := word(field, s, 64); err != nil {
		return err
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return fail(field, "has a character other than a-z, 0-9 and \"-\"")
		}
	}
	return nil
}

// Validate checks the limits stated in policy.proto.
func (x *PackInfo) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		word("name", x.Name, 64),
		atLeast("version", x.Version, 1),
	)
}

// Validate checks the limits stated in policy.proto. Zero means the default.
func (x *Limits) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		zeroOr("excerpt_chars", x.ExcerptChars, 1, MaxExcerpt),
		zeroOr("fragment_pause_ms", x.FragmentPauseMs, 1_000, 30_000),
		zeroOr("heartbeat_seconds", x.HeartbeatSeconds, 5, 3_600),
	)
}

func zeroOr(field string, n, low, high uint32) error {
	if n == 0 {
		return nil
	}
	return between(field, n, low, high)
}
