package lapwingv1

// Validate checks that one known kind is set and valid.
func (x *SessionMessage) Validate() error {
	if x == nil {
		return missing()
	}
	switch k := x.Kind.(type) {
	case *SessionMessage_Hello:
		return present("hello", k.Hello)
	case *SessionMessage_Hit:
		return present("hit", k.Hit)
	case *SessionMessage_Status:
		return present("status", k.Status)
	case *SessionMessage_Lock:
		return present("lock", k.Lock)
	case *SessionMessage_Canary:
		return present("canary", k.Canary)
	}
	return unset("kind")
}

// Validate checks that one known kind is set and valid.
func (x *ServiceMessage) Validate() error {
	if x == nil {
		return missing()
	}
	switch k := x.Kind.(type) {
	case *ServiceMessage_HitAck:
		return present("hit_ack", k.HitAck)
	case *ServiceMessage_Policy:
		return present("policy", k.Policy)
	case *ServiceMessage_Stop:
		return present("stop", k.Stop)
	case *ServiceMessage_Canary:
		return present("canary", k.Canary)
	case *ServiceMessage_Watch:
		return present("watch", k.Watch)
	case *ServiceMessage_Told:
		return present("told", k.Told)
	case *ServiceMessage_Media:
		return present("media", k.Media)
	}
	return unset("kind")
}

// Validate checks the limits stated in ipc.proto.
func (x *SessionHello) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		between("protocol", x.Protocol, Protocol, Protocol),
		text("display", x.Display, 128),
	)
}

// Validate checks the limits stated in ipc.proto.
func (x *Hit) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		atLeast("seq", x.Seq, 1),
		between("revision", x.Revision, 0, MaxRevision),
		present("capture", x.Capture),
		between("age_ms", x.AgeMs, 0, MaxAge),
	)
}

// Validate checks the limits stated in ipc.proto.
func (x *SessionStatus) Validate() error {
	if x == nil {
		return missing()
	}
	return each("coverage", MaxCoverage, x.Coverage)
}

// Validate only checks that the message is there; upto has no limit.
func (x *HitAck) Validate() error {
	if x == nil {
		return missing()
	}
	return nil
}

// Validate only checks that the message is there.
func (x *Stop) Validate() error {
	if x == nil {
		return missing()
	}
	return nil
}

// Validate checks the limits stated in ipc.proto.
func (x *Told) Validate() error {
	if x == nil {
		return missing()
	}
	return text("version", x.Version, MaxNoticeVersion)
}

// Validate checks the limits stated in ipc.proto.
func (x *MediaNote) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		enum("kind", x.Kind, MediaKind_MEDIA_KIND_OTHER),
		enum("reason", x.Reason, MediaNote_REASON_READ_ONLY),
		atLeast("why", uint32(len(x.Why)), 1),
		text("why", x.Why, 64),
	)
}
