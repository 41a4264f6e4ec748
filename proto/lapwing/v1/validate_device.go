package lapwingv1

// Limits of what a device says of itself.
const (
	// MaxChecks and MaxFacts bound a PostureReport.
	MaxChecks = 64
	MaxFacts  = 32
	// MaxDetail bounds Check.detail and Fact.value, in characters.
	MaxDetail = 200
	// MaxLabel bounds Media.label, in characters.
	MaxLabel = 64
	// MaxThreats bounds Media.threats.
	MaxThreats = 8
	// MaxPermits bounds UsbPolicy.permits.
	MaxPermits = 512
	// MaxSoftware bounds each list of PosturePolicy.
	MaxSoftware = 512
)

// Validate checks the limits stated in device.proto, and that no id stands twice.
func (x *PostureReport) Validate() error {
	if x == nil {
		return missing()
	}
	if err := first(each("checks", MaxChecks, x.Checks), each("facts", MaxFacts, x.Facts)); err != nil {
		return err
	}
	seen := make(map[string]bool, len(x.Checks))
	for i, c := range x.Checks {
		if seen[c.Id] {
			return fail(at("checks", i)+".id", "the same as one before it")
		}
		seen[c.Id] = true
	}
	clear(seen)
	for i, f := range x.Facts {
		if seen[f.Id] {
			return fail(at("facts", i)+".id", "the same as one before it")
		}
		seen[f.Id] = true
	}
	return nil
}

// Validate checks the limits stated in device.proto.
func (x *Check) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		word("id", x.Id, 64),
		enum("state", x.State, CheckState_CHECK_STATE_UNKNOWN),
		prose("detail", x.Detail, MaxDetail),
	)
}

// Validate checks the limits stated in device.proto.
func (x *Fact) Validate() error {
	if x == nil {
		return missing()
	}
	return first(word("id", x.Id, 64), prose("value", x.Value, MaxDetail))
}

// Validate checks the limits stated in device.proto.
func (x *Media) Validate() error {
	if x == nil {
		return missing()
	}
	if err := first(
		size("visit", x.Visit, 16, 16),
		enum("step", x.Step, MediaStep_MEDIA_STEP_REMOVED),
		enum("kind", x.Kind, MediaKind_MEDIA_KIND_OTHER),
		text("vendor_id", x.VendorId, 8),
		text("product_id", x.ProductId, 8),
		text("vendor", x.Vendor, 64),
		text("product", x.Product, 64),
		sizeOrNone("serial", x.Serial, 32),
		prose("label", x.Label, MaxLabel),
		text("file_system", x.FileSystem, 32),
		enum("encryption", x.Encryption, MediaEncryption_MEDIA_ENCRYPTION_CANNOT_TELL),
		text("why", x.Why, 64),
		text("permit", x.Permit, 64),
		enum("scan", x.Scan, MediaScan_MEDIA_SCAN_NOT_SCANNED),
		text("scan_why", x.ScanWhy, 64),
	); err != nil {
		return err
	}
	return words("threats", MaxThreats, 128, x.Threats)
}

// words checks a list of most words of 1 to bytes bytes.
func words(field string, most, bytes int, all []string) error {
	if len(all) > most {
		return fail(field, "%d entries, at most %d", len(all), most)
	}
	for i, w := range all {
		if err := word(at(field, i), w, bytes); err != nil {
			return err
		}
	}
	return nil
}

// Validate checks the limits stated in device.proto.
func (x *Unattended) Validate() error {
	if x == nil {
		return missing()
	}
	return first(atLeast("seconds", x.Seconds, 1), atLeast("limit_seconds", x.LimitSeconds, 1))
}

// Validate checks the limits stated in device.proto.
func (x *LockMinutes) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		between("day", x.Day, 19700101, 99991231),
		between("in_use", x.InUse, 0, 1500),
		between("locked", x.Locked, 0, 1500),
		between("unattended", x.Unattended, 0, 1500),
	)
}

// Validate checks that one of both is set, and its limits.
func (x *LockReport) Validate() error {
	switch {
	case x == nil:
		return missing()
	case x.Minutes != nil && x.Unattended == nil:
		return present("minutes", x.Minutes)
	case x.Unattended != nil && x.Minutes == nil:
		return present("unattended", x.Unattended)
	}
	return fail("minutes", "one of minutes and unattended must be set")
}

// Validate checks the limits stated in device.proto.
func (x *UsbPolicy) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		enum("use", x.Use, UsbPolicy_USE_NONE),
		zeroOr("scan_megabytes", x.ScanMegabytes, 1, 1<<20),
		zeroOr("scan_seconds", x.ScanSeconds, 5, 3600),
		sizeOrNone("serial_key", x.SerialKey, 32),
		each("permits", MaxPermits, x.Permits),
	)
}

// Validate checks the limits stated in device.proto.
func (x *UsbPermit) Validate() error {
	if x == nil {
		return missing()
	}
	if err := first(
		word("id", x.Id, 64),
		text("vendor_id", x.VendorId, 8),
		text("product_id", x.ProductId, 8),
		sizeOrNone("serial", x.Serial, 32),
		sizeOrNone("account", x.Account, 32),
		atLeast("until_ms", x.UntilMs, 0),
	); err != nil {
		return err
	}
	if len(x.Serial) == 0 && x.VendorId == "" {
		return fail("serial", "empty, and so is vendor_id: it would permit everything")
	}
	return nil
}

// Validate checks the limits stated in device.proto.
func (x *LockPolicy) Validate() error {
	if x == nil {
		return missing()
	}
	return zeroOr("unattended_minutes", x.UnattendedMinutes, 1, 240)
}

// Validate checks the limits stated in device.proto.
func (x *PosturePolicy) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		words("allowed_software", MaxSoftware, 64, x.AllowedSoftware),
		words("denied_software", MaxSoftware, 64, x.DeniedSoftware),
		text("filter_test_url", x.FilterTestUrl, 512),
		text("filter_test_marker", x.FilterTestMarker, 64),
		zeroOr("lock_minutes", x.LockMinutes, 1, 240),
		zeroOr("update_days", x.UpdateDays, 1, 365),
	)
}
