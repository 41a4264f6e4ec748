package lapwingv1

// Sizes in bytes of what the enrolment door takes, from enrol.proto.
const (
	maxCSR         = 4096
	maxCertificate = 8192
)

// Validate checks the limits stated in enrol.proto.
func (x *EnrolRequest) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		word("token", x.Token, 128),
		size("csr", x.Csr, 1, maxCSR),
		machine(x.Os, x.OsVersion, x.Arch, x.Hostname),
		text("agent_version", x.AgentVersion, 64),
		sizeOrNone("fingerprint", x.Fingerprint, 32),
	)
}

// Validate checks the limits stated in enrol.proto.
func (x *EnrolResponse) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		word("device_id", x.DeviceId, 64),
		size("certificate", x.Certificate, 1, maxCertificate),
		size("ca_certificate", x.CaCertificate, 1, maxCertificate),
		size("policy_public_key", x.PolicyPublicKey, 32, 32),
		text("school_name", x.SchoolName, 200),
	)
}

// Validate checks the limits stated in enrol.proto.
func (x *RenewExpiredRequest) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		size("certificate", x.Certificate, 1, maxCertificate),
		size("csr", x.Csr, 1, maxCSR),
		size("proof", x.Proof, 1, 128),
		sizeOrNone("fingerprint", x.Fingerprint, 32),
	)
}

// Validate checks the limits stated in enrol.proto.
func (x *RenewExpiredResponse) Validate() error {
	if x == nil {
		return missing()
	}
	return size("certificate", x.Certificate, 1, maxCertificate)
}
