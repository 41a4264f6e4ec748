package lapwingv1

// Validate checks that one known kind is set and valid.
func (x *AgentMessage) Validate() error {
	if x == nil {
		return missing()
	}
	switch k := x.Kind.(type) {
	case *AgentMessage_Hello:
		return present("hello", k.Hello)
	case *AgentMessage_Batch:
		return present("batch", k.Batch)
	case *AgentMessage_Heartbeat:
		return present("heartbeat", k.Heartbeat)
	case *AgentMessage_Goodbye:
		return present("goodbye", k.Goodbye)
	case *AgentMessage_Posture:
		return present("posture", k.Posture)
	}
	return unset("kind")
}

// Validate checks that one known kind is set and valid. An agent that gets a
// kind it does not know (a later collector) may go on without it.
func (x *CollectorMessage) Validate() error {
	if x == nil {
		return missing()
	}
	switch k := x.Kind.(type) {
	case *CollectorMessage_Ack:
		return present("ack", k.Ack)
	case *CollectorMessage_Policy:
		return present("policy", k.Policy)
	case *CollectorMessage_RenewalHint:
		return present("renewal_hint", k.RenewalHint)
	case *CollectorMessage_Reoffer:
		return present("reoffer", k.Reoffer)
	case *CollectorMessage_Revoked:
		return present("revoked", k.Revoked)
	case *CollectorMessage_WantedVersion:
		return present("wanted_version", k.WantedVersion)
	case *CollectorMessage_Canary:
		return present("canary", k.Canary)
	}
	return unset("kind")
}

// Validate checks the limits stated in agent.proto.
func (x *Hello) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		between("protocol", x.Protocol, Protocol, Protocol),
		word("agent_version", x.AgentVersion, 64),
		machine(x.Os, x.OsVersion, x.Arch, x.Hostname),
		size("boot", x.Boot, 16, 16),
		sizeOrNone("fingerprint", x.Fingerprint, 32),
	)
}

// machine checks what Hello and EnrolRequest both say about a computer.
func machine(os, osVersion, arch, hostname string) error {
	return first(
		text("os", os, 32),
		text("os_version", osVersion, 128),
		text("arch", arch, 32),
		text("hostname", hostname, 253),
	)
}

// Validate checks the batch and every event in it.
func (x *Batch) Validate() error {
	if err := x.ValidateEnvelope(); err != nil {
		return err
	}
	return each("events", MaxBatch, x.Events)
}

// ValidateEnvelope checks everything but the events' own content: their
// number, that all are of the batch's lane with rising seq, and the clocks.
// A collector refuses the batch if the envelope is wrong, but only the single
// event (Ack.refused) if that one is.
func (x *Batch) ValidateEnvelope() error {
	if x == nil {
		return missing()
	}
	if err := enum("lane", x.Lane, Lane_LANE_ROUTINE); err != nil {
		return err
	}
	if n := len(x.Events); n < 1 || n > MaxBatch {
		return fail("events", "%d entries, must be 1 to %d", n, MaxBatch)
	}
	var before uint64
	for i, e := range x.Events {
		switch {
		case e == nil:
			return under(at("events", i), missing())
		case e.Lane != x.Lane:
			return fail(at("events", i)+".lane", "not the lane of the batch")
		case e.Seq <= before:
			return fail(at("events", i)+".seq", "%d, must be more than the one before it (%d)", e.Seq, before)
		}
		before = e.Seq
	}
	return present("now", x.Now)
}

// Validate checks the limits stated in agent.proto.
func (x *DeviceTime) Validate() error {
	if x == nil {
		return missing()
	}
	return size("boot", x.Boot, 16, 16)
}

// Validate checks the limits stated in agent.proto.
func (x *Heartbeat) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		present("now", x.Now),
		each("coverage", MaxCoverage, x.Coverage),
	)
}

// Validate checks the limits stated in agent.proto.
func (x *Coverage) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		word("sensor", x.Sensor, 32),
		enum("state", x.State, CoverageState_COVERAGE_STATE_UNKNOWN),
		text("code", x.Code, 64),
	)
}

// Validate checks that the reason is a known one.
func (x *Goodbye) Validate() error {
	if x == nil {
		return missing()
	}
	return enum("reason", x.Reason, Goodbye_REASON_RESTART)
}

// Validate checks the limits stated in agent.proto.
func (x *Ack) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		enum("lane", x.Lane, Lane_LANE_ROUTINE),
		between("retry_after_ms", x.RetryAfterMs, 0, 3_600_000),
	)
}

// Validate only checks that the message is there.
func (x *RenewalHint) Validate() error {
	if x == nil {
		return missing()
	}
	return nil
}

// Validate only checks that the message is there; since_ms has no limit.
func (x *ReofferRequest) Validate() error {
	if x == nil {
		return missing()
	}
	return nil
}

// Validate checks the limits stated in agent.proto.
func (x *Revoked) Validate() error {
	if x == nil {
		return missing()
	}
	return text("reason", x.Reason, 200)
}

// Validate checks the limits stated in agent.proto.
func (x *WantedVersion) Validate() error {
	if x == nil {
		return missing()
	}
	return word("version", x.Version, 64)
}

// Validate checks the limits stated in agent.proto.
func (x *CanaryRequest) Validate() error {
	if x == nil {
		return missing()
	}
	return size("nonce", x.Nonce, 16, 16)
}

// Validate checks the limits stated in agent.proto; whether the bytes are a
// request of the right kind of key is for the certificate authority to say.
func (x *AgentServiceRenewRequest) Validate() error {
	if x == nil {
		return missing()
	}
	return first(size("csr", x.Csr, 1, maxCSR), sizeOrNone("fingerprint", x.Fingerprint, 32))
}

// Validate checks the limits stated in agent.proto.
func (x *AgentServiceRenewResponse) Validate() error {
	if x == nil {
		return missing()
	}
	return size("certificate", x.Certificate, 1, maxCertificate)
}
