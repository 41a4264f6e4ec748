package lapwingv1

import "github.com/lapwing-schools/lapwing/internal/vocab"

// Validate checks the limits stated in review.proto.
func (x *ListCasesRequest) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		slugOrNone("school", x.School),
		text("reason", x.Reason, 500),
		text("actor", x.Actor, 256),
	)
}

// Validate checks the limits stated in review.proto.
func (x *ListDevicesRequest) Validate() error {
	if x == nil {
		return missing()
	}
	return slugOrNone("school", x.School)
}

// Validate checks the limits stated in review.proto.
func (x *CreateTokenRequest) Validate() error {
	if x == nil {
		return missing()
	}
	if x.Audience != "" && !vocab.GroupAudience(x.Audience).Valid() {
		return fail("audience", "not pupil, staff or mixed")
	}
	if x.ExpiresSeconds != 0 {
		if err := between("expires_seconds", x.ExpiresSeconds, 60, 31_536_000); err != nil {
			return err
		}
	}
	return first(
		slugOrNone("school", x.School),
		word("group", x.Group, 64),
		between("uses", x.Uses, 0, 100_000),
		text("address", x.Address, 261),
		between("expected", x.Expected, 0, 100_000),
		text("network", x.Network, 64),
	)
}

// Validate checks the limits stated in review.proto.
func (x *ListTokensRequest) Validate() error {
	if x == nil {
		return missing()
	}
	return slugOrNone("school", x.School)
}

// Validate checks the limits stated in review.proto.
func (x *ListRulesRequest) Validate() error {
	if x == nil {
		return missing()
	}
	return slugOrNone("school", x.School)
}

// Validate checks the limits stated in review.proto.
func (x *ListChangesRequest) Validate() error {
	if x == nil {
		return missing()
	}
	return slugOrNone("school", x.School)
}

// Validate checks the limits stated in review.proto.
func (x *ReleaseTokenRequest) Validate() error {
	if x == nil {
		return missing()
	}
	if len(x.Devices) > 10_000 {
		return fail("devices", "%d entries, must be at most 10000", len(x.Devices))
	}
	for i, d := range x.Devices {
		if err := word(at("devices", i), d, 64); err != nil {
			return err
		}
	}
	return first(slugOrNone("school", x.School), word("batch", x.Batch, 64))
}

// Validate checks the limits stated in review.proto.
func (x *AskAgainRequest) Validate() error {
	if x == nil {
		return missing()
	}
	return slugOrNone("school", x.School)
}

// Validate checks the limits stated in review.proto; whether a role exists is
// for the collector to say.
func (x *AddUserRequest) Validate() error {
	if x == nil {
		return missing()
	}
	if n := len(x.Roles); n < 1 || n > 16 {
		return fail("roles", "%d entries, must be 1 to 16", n)
	}
	for i, r := range x.Roles {
		if err := word(at("roles", i), r, 32); err != nil {
			return err
		}
	}
	if len(x.Accounts) > 16 {
		return fail("accounts", "%d entries, must be at most 16", len(x.Accounts))
	}
	for i, a := range x.Accounts {
		if err := word(at("accounts", i), a, 512); err != nil {
			return err
		}
	}
	return first(
		slugOrNone("school", x.School),
		word("name", x.Name, 200),
		text("email", x.Email, 254),
	)
}

// Validate checks the limits stated in review.proto.
func (x *RevokeDeviceRequest) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		slugOrNone("school", x.School),
		word("device", x.Device, 64),
		text("reason", x.Reason, 200),
	)
}

// Validate checks the limits stated in review.proto.
func (x *VerifyAuditRequest) Validate() error {
	if x == nil {
		return missing()
	}
	return slugOrNone("school", x.School)
}

// Validate checks the limits stated in review.proto.
func (x *ImportDirectoryRequest) Validate() error {
	if x == nil {
		return missing()
	}
	if err := between("data", int64(len(x.Data)), 1, 32<<20); err != nil {
		return err
	}
	return first(
		slugOrNone("school", x.School),
		word("name", x.Name, 255),
	)
}

func slugOrNone(field, s string) error {
	if s == "" {
		return nil
	}
	return slug(field, s)
}
