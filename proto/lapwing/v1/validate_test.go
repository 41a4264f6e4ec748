package lapwingv1

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

func bytesOf(n int) []byte  { return make([]byte, n) }
func stringOf(n int) string { return strings.Repeat("x", n) }
func many[T any](n int, v T) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = v
	}
	return s
}

func goodTime() *DeviceTime { return &DeviceTime{Boot: bytesOf(16)} }

func goodRule() *RuleHit {
	return &RuleHit{Rule: "r1", Version: 1, Pack: "core", Reading: "plain",
		Severity: Severity_SEVERITY_HIGH, Level: Level_LEVEL_ALERT, RaisedBy: []string{"soon"}}
}

func goodCapture() *Capture {
	return &Capture{
		Categories: []string{"suicide", "self-harm"}, Severity: Severity_SEVERITY_HIGH, Level: Level_LEVEL_ALERT,
		Source: Source_SOURCE_TYPED_TEXT, Rules: []*RuleHit{goodRule()},
		Excerpt: "é kill", Marks: []*Span{{Start: 0, End: 2}, {Start: 3, End: 7}}, App: "chromium", Title: "t", Count: 1,
	}
}

func goodEvent(seq uint64) *Event {
	return &Event{Id: bytesOf(16), Lane: Lane_LANE_URGENT, Seq: seq, Boot: bytesOf(16),
		Account: "a", Session: "s", Body: &Event_Capture{Capture: goodCapture()}}
}

func goodBatch() *Batch {
	return &Batch{Lane: Lane_LANE_URGENT, Events: []*Event{goodEvent(1), goodEvent(5)}, Now: goodTime()}
}

func goodCoverage() *Coverage {
	return &Coverage{Sensor: "text", State: CoverageState_COVERAGE_STATE_OK}
}

func goodPolicy() *Policy {
	return &Policy{Version: 1, School: "st-anne-1", IssuedMs: 1, Rules: bytesOf(1),
		Packs: []*PackInfo{{Name: "core", Version: 1}}, Limits: &Limits{ExcerptChars: 200}}
}

func goodSigned() *SignedPolicy { return &SignedPolicy{Document: bytesOf(1), Signature: bytesOf(64)} }

func goodMedia() *Media {
	return &Media{Visit: bytesOf(16), Step: MediaStep_MEDIA_STEP_READY, Kind: MediaKind_MEDIA_KIND_STICK, VendorId: "46f4",
		ProductId: "0001", Vendor: "QEMU", Serial: bytesOf(32), Label: "SCHOOL é", FileSystem: "vfat", SizeBytes: 1,
		Encryption: MediaEncryption_MEDIA_ENCRYPTION_NONE, Why: "usb_no_permit", Scan: MediaScan_MEDIA_SCAN_INFECTED,
		Threats: []string{"Eicar"}}
}

func goodPosture() *PostureReport {
	return &PostureReport{Checks: []*Check{{Id: "firewall", State: CheckState_CHECK_STATE_PASS, Detail: "nftables"}, {Id: "tpm", State: CheckState_CHECK_STATE_UNKNOWN}},
		Facts: []*Fact{{Id: "model", Value: "7 é"}}}
}

func goodUsb() *UsbPolicy {
	return &UsbPolicy{Use: UsbPolicy_USE_PERMITTED, ScanMegabytes: 10, ScanSeconds: 60, SerialKey: bytesOf(32),
		Permits: []*UsbPermit{{Id: "p1", Serial: bytesOf(32), UntilMs: 1}, {Id: "p2", VendorId: "46f4"}}}
}

// good is one valid message of each kind; TestEveryMessageIsChecked holds that
// none is missing.
func good() []validator {
	return []validator{
		&AgentMessage{Kind: &AgentMessage_Hello{Hello: goodHello()}},
		&AgentMessage{Kind: &AgentMessage_Batch{Batch: goodBatch()}},
		&AgentMessage{Kind: &AgentMessage_Heartbeat{Heartbeat: &Heartbeat{Now: goodTime(), Coverage: []*Coverage{goodCoverage()}}}},
		&AgentMessage{Kind: &AgentMessage_Goodbye{Goodbye: &Goodbye{Reason: Goodbye_REASON_SLEEP}}},
		goodHello(), goodBatch(), goodTime(),
		&AgentMessage{Kind: &AgentMessage_Posture{Posture: goodPosture()}}, goodPosture(),
		goodPosture().Checks[0], goodPosture().Facts[0], goodMedia(), goodUsb(), goodUsb().Permits[0],
		&Unattended{Seconds: 301, LimitSeconds: 300}, &LockMinutes{Day: 20261123, InUse: 1, Locked: 2, Unattended: 3},
		&LockReport{Unattended: &Unattended{Seconds: 1, LimitSeconds: 1}},
		&SessionMessage{Kind: &SessionMessage_Lock{Lock: &LockReport{Minutes: &LockMinutes{Day: 20261123}}}},
		&LockPolicy{UnattendedMinutes: 5}, &PosturePolicy{AllowedSoftware: []string{"gimp"}, LockMinutes: 10},
		&Heartbeat{Now: goodTime()}, goodCoverage(), &Goodbye{Reason: Goodbye_REASON_SHUTDOWN},
		&CollectorMessage{Kind: &CollectorMessage_Ack{Ack: &Ack{Lane: Lane_LANE_ROUTINE}}},
		&CollectorMessage{Kind: &CollectorMessage_Policy{Policy: goodSigned()}},
		&CollectorMessage{Kind: &CollectorMessage_RenewalHint{RenewalHint: &RenewalHint{}}},
		&CollectorMessage{Kind: &CollectorMessage_Reoffer{Reoffer: &ReofferRequest{}}},
		&CollectorMessage{Kind: &CollectorMessage_Revoked{Revoked: &Revoked{}}},
		&CollectorMessage{Kind: &CollectorMessage_WantedVersion{WantedVersion: &WantedVersion{Version: "1"}}},
		&CollectorMessage{Kind: &CollectorMessage_Canary{Canary: &CanaryRequest{Nonce: bytesOf(16)}}},
		&Ack{Lane: Lane_LANE_URGENT, Upto: math.MaxUint64, RetryAfterMs: 3_600_000}, &RenewalHint{}, &ReofferRequest{},
		&Revoked{Reason: stringOf(200)}, &WantedVersion{Version: stringOf(64)}, &CanaryRequest{Nonce: bytesOf(16)},
		&AgentServiceRenewRequest{Csr: bytesOf(4096)}, &AgentServiceRenewResponse{Certificate: bytesOf(8192)},

		goodEvent(1), goodCapture(), goodRule(), &Span{Start: 1, End: 2},
		&HelpRequest{}, goodHelp(), &NoticeSeen{Version: "1", State: NoticeSeen_STATE_SHOWN, Way: NoticeSeen_WAY_WINDOW},
		&NoticeSeen{Version: "1", State: NoticeSeen_STATE_DECLINED}, &Told{}, &Told{Version: "1"},
		&ServiceMessage{Kind: &ServiceMessage_Told{Told: &Told{Version: "1"}}},
		&MediaNote{Kind: MediaKind_MEDIA_KIND_PHONE, Reason: MediaNote_REASON_READ_ONLY, Why: stringOf(64)},
		&ServiceMessage{Kind: &ServiceMessage_Media{Media: &MediaNote{Kind: MediaKind_MEDIA_KIND_STICK, Reason: MediaNote_REASON_BLOCKED, Why: "usb_nobody"}}},
		&Tamper{Code: "session_down", Count: 1}, &Digest{ByCategory: map[string]uint32{"suicide": 3}},

		&EnrolRequest{Token: "t", Csr: bytesOf(1), Fingerprint: bytesOf(32)},
		&EnrolResponse{DeviceId: "d", Certificate: bytesOf(1), CaCertificate: bytesOf(1), PolicyPublicKey: bytesOf(32)},
		&RenewExpiredRequest{Certificate: bytesOf(1), Csr: bytesOf(1), Proof: bytesOf(72)},
		&RenewExpiredResponse{Certificate: bytesOf(1)},

		&SessionMessage{Kind: &SessionMessage_Hello{Hello: &SessionHello{Protocol: 1}}},
		&SessionMessage{Kind: &SessionMessage_Hit{Hit: goodHit()}},
		&SessionMessage{Kind: &SessionMessage_Status{Status: &SessionStatus{}}},
		&SessionHello{Protocol: 1, Display: ":0"}, goodHit(), &SessionStatus{Coverage: []*Coverage{goodCoverage()}},
		&ServiceMessage{Kind: &ServiceMessage_HitAck{HitAck: &HitAck{}}},
		&ServiceMessage{Kind: &ServiceMessage_Policy{Policy: goodSigned()}},
		&ServiceMessage{Kind: &ServiceMessage_Stop{Stop: &Stop{}}},
		&HitAck{}, &Stop{},
		&SessionMessage{Kind: &SessionMessage_Canary{Canary: goodCanary()}}, goodCanary(),
		&ServiceMessage{Kind: &ServiceMessage_Canary{Canary: &CanaryRequest{Nonce: bytesOf(16)}}},
		&ServiceMessage{Kind: &ServiceMessage_Watch{Watch: goodWatch()}}, goodWatch(),
		goodSchedule(), goodSchedule().Hours[0], goodSchedule().Terms[0], goodPlace(), goodNotice(), goodNotice().Texts[0],
		&CanaryPlan{Minutes: []uint32{0, 1439}}, goodFullPolicy(),

		goodSigned(), goodPolicy(), &PackInfo{Name: "core", Version: 1},
		&Limits{}, &Limits{ExcerptChars: 1, FragmentPauseMs: 30_000, HeartbeatSeconds: 5},

		&ListCasesRequest{School: "a", Reason: "r", Actor: "root"}, &ListDevicesRequest{},
		&CreateTokenRequest{Group: "g", Audience: "pupil"}, &AddUserRequest{Name: "n", Roles: []string{"dsl"}},
		&RevokeDeviceRequest{Device: "d"}, &VerifyAuditRequest{}, &ListTokensRequest{}, &ListRulesRequest{}, &ListChangesRequest{},
		&ReleaseTokenRequest{Batch: "b", Devices: []string{"d"}}, &AskAgainRequest{SinceMs: 1},
		&ImportDirectoryRequest{Name: "people.csv", Data: bytesOf(1)},
	}
}

func goodCanary() *CanarySeen {
	return &CanarySeen{Nonce: bytesOf(16), Result: CanarySeen_RESULT_LOCKED, TookMs: MaxAge}
}

func goodWatch() *Watch {
	return &Watch{Scope: Outside_OUTSIDE_ALL, Categories: []string{"illegal"}}
}

func goodSchedule() *Schedule {
	return &Schedule{Zone: "Europe/London", Hours: []*Hours{{Day: 1, Start: 480, End: 1440}},
		Terms: []*Dates{{First: 20260901, Last: 20261218}}, Closed: []*Dates{{First: 20280229, Last: 20280229}},
		Outside: Outside_OUTSIDE_URGENT, OffSite: Outside_OUTSIDE_NOTHING, SiteNetworks: []string{"10.20.0.0/16", "2001:db8::/32"},
		Categories: []string{"illegal", "exploitation"}}
}

func goodPlace() *Place {
	return &Place{Kind: Place_KIND_HARBOUR, Name: "Counselling", Hosts: []string{"talk.school.example"}, Apps: []string{"bank"}, Titles: []string{"é"}}
}

func goodNotice() *Notice {
	return &Notice{Version: "2026-1", Mode: Notice_MODE_SCREEN, Texts: []*NoticeText{{Lang: "cy", Title: "é", Body: []string{"b"},
		WhoReads: []string{"w"}, WhoToTalkTo: []string{"t"}, ReadingHours: "8 to 4"}}}
}

// goodFullPolicy has every part, so that the fuzz test starts from them.
func goodFullPolicy() *Policy {
	p := goodPolicy()
	p.Schedule, p.Places, p.Notice, p.Canary = goodSchedule(), []*Place{goodPlace()}, goodNotice(), &CanaryPlan{Minutes: []uint32{545}}
	return p
}

func goodHello() *Hello {
	return &Hello{Protocol: 1, AgentVersion: "0.1", Os: "linux", OsVersion: "Debian 12", Arch: "amd64",
		Hostname: "lab-1", Boot: bytesOf(16), Fingerprint: bytesOf(32)}
}

func goodHelp() *HelpRequest {
	return &HelpRequest{Words: strings.Repeat("é", MaxHelpWords), Today: true, TalkTo: "Mrs Marlow"}
}

func goodHit() *Hit {
	return &Hit{Seq: 1, Revision: MaxRevision, Capture: goodCapture(), AgeMs: MaxAge}
}

func TestGood(t *testing.T) {
	for _, m := range good() {
		if err := m.Validate(); err != nil {
			t.Errorf("%T: %v", m, err)
		}
	}
}

// answers are made by the collector for its own commands on the same machine;
// nobody acts on them, so they are not checked.
var answers = []string{
	"CaseRecord", "DeviceRecord", "DeviceCoverage", "DeviceCheck", "CreateTokenResponse", "AddUserResponse",
	"RevokeDeviceResponse", "VerifyAuditResponse", "ImportDirectoryResponse",
	"TokenRecord", "ReleaseTokenResponse", "AskAgainResponse", "RuleRecord", "ChangeRecord",
}

// TestEveryMessageIsChecked: a message added to a .proto without a Validate,
// or without a good example here, fails.
func TestEveryMessageIsChecked(t *testing.T) {
	tested := map[protoreflect.FullName]bool{}
	for _, m := range good() {
		tested[m.(proto.Message).ProtoReflect().Descriptor().FullName()] = true
	}
	for _, a := range answers {
		tested["lapwing.v1."+protoreflect.FullName(a)] = true
	}
	n := 0
	protoregistry.GlobalTypes.RangeMessages(func(mt protoreflect.MessageType) bool {
		d := mt.Descriptor()
		if d.ParentFile().Package() == "lapwing.v1" && !d.IsMapEntry() {
			n++
			if !tested[d.FullName()] {
				t.Errorf("%s is neither checked nor an answer", d.FullName())
			}
		}
		return true
	})
	if n < 40 {
		t.Errorf("only %d messages seen", n)
	}
}

// TestNil: a missing message is an error that a caller can show, not a panic.
func TestNil(t *testing.T) {
	for _, m := range good() {
		none := reflect.Zero(reflect.TypeOf(m)).Interface().(validator)
		if err := none.Validate(); err == nil || !strings.Contains(err.Error(), "missing") {
			t.Errorf("nil %T: %v", m, err)
		}
	}
}

// TestLimits breaks one limit at a time and expects the error to name it.
func TestLimits(t *testing.T) {
	capture := func(f func(c *Capture)) validator { c := goodCapture(); f(c); return c }
	rule := func(f func(r *RuleHit)) validator { r := goodRule(); f(r); return r }
	event := func(f func(e *Event)) validator { e := goodEvent(1); f(e); return e }
	hello := func(f func(h *Hello)) validator { h := goodHello(); f(h); return h }
	batch := func(f func(b *Batch)) validator { b := goodBatch(); f(b); return b }
	policy := func(f func(p *Policy)) validator { p := goodPolicy(); f(p); return p }
	hit := func(f func(h *Hit)) validator { h := goodHit(); f(h); return h }
	token := func(f func(r *CreateTokenRequest)) validator { r := &CreateTokenRequest{Group: "g"}; f(r); return r }

	for _, c := range []struct {
		want string // the whole error
		m    validator
	}{
		{"id: 15 bytes, must be 16", event(func(e *Event) { e.Id = bytesOf(15) })},
		{"data: 0, must be 1 to 33554432", &ImportDirectoryRequest{Name: "n"}},
		{"name: empty, must be 1 to 255 bytes", &ImportDirectoryRequest{Data: bytesOf(1)}},
		{"accounts: 17 entries, must be at most 16", &AddUserRequest{Name: "n", Roles: []string{"dsl"}, Accounts: many(17, "a")}},
		{"accounts[0]: 513 bytes, at most 512", &AddUserRequest{Name: "n", Roles: []string{"dsl"}, Accounts: []string{stringOf(513)}}},
		{"revision: 65536, must be 0 to 65535", event(func(e *Event) { e.Revision = 65536 })},
		{"lane: value 0, must be 1 to 2", event(func(e *Event) { e.Lane = 0 })},
		{"lane: value 3, must be 1 to 2", event(func(e *Event) { e.Lane = 3 })},
		{"seq: 0, must be 1 or more", event(func(e *Event) { e.Seq = 0 })},
		{"boot: 17 bytes, must be 16", event(func(e *Event) { e.Boot = bytesOf(17) })},
		{"account: 257 bytes, at most 256", event(func(e *Event) { e.Account = stringOf(257) })},
		{"account: not valid UTF-8", event(func(e *Event) { e.Account = "\xff" })},
		{"session: 65 bytes, at most 64", event(func(e *Event) { e.Session = stringOf(65) })},
		{"body: not set, or of a kind this version does not know", event(func(e *Event) { e.Body = nil })},
		{"capture: missing", event(func(e *Event) { e.Body = &Event_Capture{} })},
		{"capture.help: set by a device", event(func(e *Event) { e.GetCapture().Help = goodHelp() })},
		{"help: missing", event(func(e *Event) { e.Body = &Event_Help{} })},
		{"help.words: 2001 characters, at most 2000", event(func(e *Event) {
			e.Body = &Event_Help{Help: &HelpRequest{Words: stringOf(MaxHelpWords + 1)}}
		})},
		{"help.talk_to: not valid UTF-8", event(func(e *Event) { e.Body = &Event_Help{Help: &HelpRequest{TalkTo: "\xff"}} })},
		{"notice.version: empty, must be 1 to 32 bytes", event(func(e *Event) {
			e.Body = &Event_Notice{Notice: &NoticeSeen{State: NoticeSeen_STATE_SHOWN}}
		})},
		{"notice.state: value 0, must be 1 to 3", event(func(e *Event) { e.Body = &Event_Notice{Notice: &NoticeSeen{Version: "1"}} })},
		{"tamper.code: empty, must be 1 to 64 bytes", event(func(e *Event) { e.Body = &Event_Tamper{Tamper: &Tamper{}} })},
		{"digest.by_category: 0 keys, must be 1 to 32", event(func(e *Event) { e.Body = &Event_Digest{Digest: &Digest{}} })},

		{"categories: 0 entries, must be 1 or 2", capture(func(c *Capture) { c.Categories = nil })},
		{"categories: 3 entries, must be 1 or 2", capture(func(c *Capture) { c.Categories = many(3, "suicide") })},
		{"categories[1]: not a known category", capture(func(c *Capture) { c.Categories[1] = "weather" })},
		{"categories[1]: the same as the first", capture(func(c *Capture) { c.Categories[1] = "suicide" })},
		{"severity: value 5, must be 1 to 4", capture(func(c *Capture) { c.Severity = 5 })},
		{"level: value 0, must be 1 to 2", capture(func(c *Capture) { c.Level = 0 })},
		{"source: value -1, must be 1 to 4", capture(func(c *Capture) { c.Source = -1 })},
		{"rules: empty, must be 1 to 16", capture(func(c *Capture) { c.Rules = nil })},
		{"rules: 17 entries, at most 16", capture(func(c *Capture) { c.Rules = many(17, goodRule()) })},
		{"rules[0]: missing", capture(func(c *Capture) { c.Rules = []*RuleHit{nil} })},
		{"rules[1].severity: above that of the rule before it, most severe must stand first", capture(func(c *Capture) {
			worse := goodRule()
			worse.Severity = Severity_SEVERITY_CRITICAL
			c.Rules = append(c.Rules, worse)
		})},
		{"excerpt: 201 characters, at most 200", capture(func(c *Capture) { c.Excerpt = stringOf(201) })},
		{"excerpt: 801 bytes, at most 800", capture(func(c *Capture) { c.Excerpt = stringOf(801) })},
		{"excerpt: empty in a revision that is not withdrawn", capture(func(c *Capture) { c.Excerpt = "" })},
		{"excerpt: not empty in a withdrawn revision", capture(func(c *Capture) { c.Withdrawn, c.Final = true, true })},
		{"withdrawn: set in a revision that is not final", capture(func(c *Capture) { c.Withdrawn = true })},
		{"marks: 33 entries, at most 32", capture(func(c *Capture) { c.Marks = many(33, &Span{End: 2}) })},
		{"marks[0].end: 1, must be more than start (1)", capture(func(c *Capture) { c.Marks[0] = &Span{Start: 1, End: 1} })},
		{"marks[0]: not on a character border", capture(func(c *Capture) { c.Marks[0] = &Span{Start: 1, End: 3} })},
		{"marks[1].start: 1, before the end of the mark before it (2)", capture(func(c *Capture) { c.Marks[1].Start = 1 })},
		{"marks[1].end: 8, excerpt has 7 bytes", capture(func(c *Capture) { c.Marks[1].End = 8 })},
		{"marks[1].end: 4294967295, excerpt has 7 bytes", capture(func(c *Capture) { c.Marks[1].End = math.MaxUint32 })},
		{"app: 129 bytes, at most 128", capture(func(c *Capture) { c.App = stringOf(129) })},
		{"title: 201 characters, at most 200", capture(func(c *Capture) { c.Title = strings.Repeat("é", 201) })},
		{"count: 0, must be 1 or more", capture(func(c *Capture) { c.Count = 0 })},

		{"rule: empty, must be 1 to 64 bytes", rule(func(r *RuleHit) { r.Rule = "" })},
		{"rule: 65 bytes, at most 64", rule(func(r *RuleHit) { r.Rule = stringOf(65) })},
		{"version: 0, must be 1 or more", rule(func(r *RuleHit) { r.Version = 0 })},
		{"pack: 65 bytes, at most 64", rule(func(r *RuleHit) { r.Pack = stringOf(65) })},
		{"reading: 33 bytes, at most 32", rule(func(r *RuleHit) { r.Reading = stringOf(33) })},
		{"raised_by: 9 entries, at most 8", rule(func(r *RuleHit) { r.RaisedBy = many(9, "x") })},
		{"lowered_by[1]: 65 bytes, at most 64", rule(func(r *RuleHit) { r.LoweredBy = []string{"x", stringOf(65)} })},
		{"title: 121 bytes, at most 120", rule(func(r *RuleHit) { r.Title = stringOf(121) })},
		{"by_category: a key is not a known category", &Digest{ByCategory: map[string]uint32{"secret words": 1}}},

		{"protocol: 2, must be 1 to 1", hello(func(h *Hello) { h.Protocol = 2 })},
		{"agent_version: empty, must be 1 to 64 bytes", hello(func(h *Hello) { h.AgentVersion = "" })},
		{"os: 33 bytes, at most 32", hello(func(h *Hello) { h.Os = stringOf(33) })},
		{"os_version: 129 bytes, at most 128", hello(func(h *Hello) { h.OsVersion = stringOf(129) })},
		{"arch: 33 bytes, at most 32", hello(func(h *Hello) { h.Arch = stringOf(33) })},
		{"hostname: 254 bytes, at most 253", hello(func(h *Hello) { h.Hostname = stringOf(254) })},
		{"boot: 0 bytes, must be 16", hello(func(h *Hello) { h.Boot = nil })},
		{"fingerprint: 31 bytes, must be 32", hello(func(h *Hello) { h.Fingerprint = bytesOf(31) })},

		{"events: 0 entries, must be 1 to 512", batch(func(b *Batch) { b.Events = nil })},
		{"events: 513 entries, must be 1 to 512", batch(func(b *Batch) { b.Events = many(513, goodEvent(1)) })},
		{"events[1]: missing", batch(func(b *Batch) { b.Events[1] = nil })},
		{"events[1].lane: not the lane of the batch", batch(func(b *Batch) { b.Events[1].Lane = Lane_LANE_ROUTINE })},
		{"events[1].seq: 1, must be more than the one before it (1)", batch(func(b *Batch) { b.Events[1].Seq = 1 })},
		{"events[1].capture.rules[0].version: 0, must be 1 or more", batch(func(b *Batch) { b.Events[1].GetCapture().Rules[0].Version = 0 })},
		{"now: missing", batch(func(b *Batch) { b.Now = nil })},
		{"now.boot: 1 bytes, must be 16", &Heartbeat{Now: &DeviceTime{Boot: bytesOf(1)}}},
		{"coverage: 33 entries, at most 32", &Heartbeat{Now: goodTime(), Coverage: many(33, goodCoverage())}},
		{"coverage[0].sensor: empty, must be 1 to 32 bytes", &SessionStatus{Coverage: []*Coverage{{State: 1}}}},
		{"state: value 5, must be 1 to 4", &Coverage{Sensor: "text", State: 5}},
		{"code: 65 bytes, at most 64", &Coverage{Sensor: "text", State: 1, Code: stringOf(65)}},
		{"goodbye.reason: value 0, must be 1 to 4", &AgentMessage{Kind: &AgentMessage_Goodbye{Goodbye: &Goodbye{}}}},
		{"kind: not set, or of a kind this version does not know", &AgentMessage{}},
		{"ack.retry_after_ms: 3600001, must be 0 to 3600000",
			&CollectorMessage{Kind: &CollectorMessage_Ack{Ack: &Ack{Lane: 1, RetryAfterMs: 3_600_001}}}},
		{"reason: 201 bytes, at most 200", &Revoked{Reason: stringOf(201)}},
		{"nonce: 0 bytes, must be 16", &CanaryRequest{}},
		{"csr: 4097 bytes, must be 1 to 4096", &AgentServiceRenewRequest{Csr: bytesOf(4097)}},

		{"token: 129 bytes, at most 128", &EnrolRequest{Token: stringOf(129)}},
		{"csr: 0 bytes, must be 1 to 4096", &EnrolRequest{Token: "t"}},
		{"proof: 129 bytes, must be 1 to 128", &RenewExpiredRequest{Certificate: bytesOf(1), Csr: bytesOf(1), Proof: bytesOf(129)}},
		{"policy_public_key: 31 bytes, must be 32",
			&EnrolResponse{DeviceId: "d", Certificate: bytesOf(1), CaCertificate: bytesOf(1), PolicyPublicKey: bytesOf(31)}},

		{"seq: 0, must be 1 or more", hit(func(h *Hit) { h.Seq = 0 })},
		{"revision: 65536, must be 0 to 65535", hit(func(h *Hit) { h.Revision = 65536 })},
		{"capture: missing", hit(func(h *Hit) { h.Capture = nil })},
		{"age_ms: 600001, must be 0 to 600000", hit(func(h *Hit) { h.AgeMs = 600_001 })},
		{"hello.protocol: 0, must be 1 to 1", &SessionMessage{Kind: &SessionMessage_Hello{Hello: &SessionHello{}}}},

		{"document: 0 bytes, must be 1 to 16777216", &SignedPolicy{Signature: bytesOf(64)}},
		{"signature: 63 bytes, must be 64", &SignedPolicy{Document: bytesOf(1), Signature: bytesOf(63)}},
		{"version: 0, must be 1 or more", policy(func(p *Policy) { p.Version = 0 })},
		{"school: empty, must be 1 to 64 bytes", policy(func(p *Policy) { p.School = "" })},
		{`school: has a character other than a-z, 0-9 and "-"`, policy(func(p *Policy) { p.School = "St Anne" })},
		{"issued_ms: 0, must be 1 or more", policy(func(p *Policy) { p.IssuedMs = 0 })},
		{"rules: 0 bytes, must be 1 to 16777216", policy(func(p *Policy) { p.Rules = nil })},
		{"packs: 257 entries, at most 256", policy(func(p *Policy) { p.Packs = many(257, &PackInfo{}) })},
		{"packs[0].version: 0, must be 1 or more", policy(func(p *Policy) { p.Packs[0].Version = 0 })},
		{"approved_by: 257 bytes, at most 256", policy(func(p *Policy) { p.ApprovedBy = stringOf(257) })},
		{"limits.excerpt_chars: 201, must be 1 to 200", policy(func(p *Policy) { p.Limits.ExcerptChars = 201 })},
		{"limits.fragment_pause_ms: 999, must be 1000 to 30000", policy(func(p *Policy) { p.Limits.FragmentPauseMs = 999 })},
		{"limits.heartbeat_seconds: 3601, must be 5 to 3600", policy(func(p *Policy) { p.Limits.HeartbeatSeconds = 3601 })},

		{"schedule.zone: empty, must be 1 to 64 bytes", policy(func(p *Policy) { p.Schedule = &Schedule{} })},
		{"outside: value 0, must be 1 to 3", func() validator { s := goodSchedule(); s.Outside = 0; return s }()},
		{"off_site: value 4, must be 1 to 3", func() validator { s := goodSchedule(); s.OffSite = 4; return s }()},
		{"categories[0]: not a category of rules", func() validator { s := goodSchedule(); s.Categories[0] = "help"; return s }()},
		{"site_networks[1]: not a network like 10.20.0.0/16", func() validator { s := goodSchedule(); s.SiteNetworks[1] = "school"; return s }()},
		{"hours[0].end: 480, must be 481 to 1440", func() validator { s := goodSchedule(); s.Hours[0].End = 480; return s }()},
		{"hours[0].day: 0, must be 1 to 7", func() validator { s := goodSchedule(); s.Hours[0].Day = 0; return s }()},
		{"first: not a day of the calendar as YYYYMMDD", &Dates{First: 20270229, Last: 20270301}},
		{"last: before first", &Dates{First: 20270301, Last: 20270228}},
		{"places[0].hosts[0]: not a host name in lower case with a dot, like example.org", policy(func(p *Policy) {
			p.Places = []*Place{{Kind: Place_KIND_EXEMPT, Name: "n", Hosts: []string{"uk"}}}
		})},
		{"hosts: empty, and so are apps and titles: it would be nowhere", &Place{Kind: Place_KIND_EXEMPT, Name: "n"}},
		{"minutes[1]: not after the one before it", &CanaryPlan{Minutes: []uint32{5, 5}}},
		{"minutes[0]: 1440, must be 0 to 1439", &CanaryPlan{Minutes: []uint32{1440}}},
		{"texts: empty, and the notice is to be shown on the screen", &Notice{Version: "1", Mode: Notice_MODE_SCREEN}},
		{"body[0]: 801 bytes, at most 800", &NoticeText{Lang: "en", Body: []string{stringOf(801)}}},
		{"result: value 0, must be 1 to 6", &CanarySeen{Nonce: bytesOf(16)}},
		{"watch.scope: value 0, must be 1 to 3", &ServiceMessage{Kind: &ServiceMessage_Watch{Watch: &Watch{}}}},

		{"checks[1].id: the same as one before it", &PostureReport{Checks: many(2, goodPosture().Checks[0])}},
		{"facts[1].id: the same as one before it", &PostureReport{Facts: many(2, goodPosture().Facts[0])}},
		{"checks: 65 entries, at most 64", &PostureReport{Checks: many(65, goodPosture().Checks[0])}},
		{"detail: 201 characters, at most 200", &Check{Id: "a", State: 1, Detail: stringOf(201)}},
		{"visit: 0 bytes, must be 16", &Media{}},
		{"label: not valid UTF-8", func() validator { m := goodMedia(); m.Label = "\xff"; return m }()},
		{"threats[0]: 129 bytes, at most 128", func() validator { m := goodMedia(); m.Threats = []string{stringOf(129)}; return m }()},
		{"serial: empty, and so is vendor_id: it would permit everything", &UsbPermit{Id: "a"}},
		{"media.step: value 9, must be 1 to 4", event(func(e *Event) { m := goodMedia(); m.Step = 9; e.Body = &Event_Media{Media: m} })},
		{"minutes: one of minutes and unattended must be set", &LockReport{}},
		{"usb.permits[0].id: empty, must be 1 to 64 bytes", policy(func(p *Policy) { u := goodUsb(); u.Permits[0].Id = ""; p.Usb = u })},

		{"audience: not pupil, staff or mixed", token(func(r *CreateTokenRequest) { r.Audience = "parents" })},
		{"uses: 100001, must be 0 to 100000", token(func(r *CreateTokenRequest) { r.Uses = 100_001 })},
		{"expires_seconds: -1, must be 60 to 31536000", token(func(r *CreateTokenRequest) { r.ExpiresSeconds = -1 })},
		{"roles[0]: empty, must be 1 to 32 bytes", &AddUserRequest{Name: "n", Roles: []string{""}}},
	} {
		err := c.m.Validate()
		var fe *FieldError
		if !errors.As(err, &fe) {
			t.Errorf("%T: error %v, want a FieldError: %s", c.m, err, c.want)
		} else if err.Error() != c.want {
			t.Errorf("%T: error %q, want %q", c.m, err, c.want)
		}
	}
}

// TestErrorsDoNotEcho: whatever is wrong, the error has none of the content.
func TestErrorsDoNotEcho(t *testing.T) {
	secret := strings.Repeat("kill myself ", 100)
	for _, m := range []validator{
		&Capture{Categories: []string{secret}}, &Event{Id: bytesOf(16), Lane: 1, Seq: 1, Boot: bytesOf(16), Account: secret},
		&Digest{ByCategory: map[string]uint32{secret: 1}}, &EnrolRequest{Token: secret}, &Policy{Version: 1, School: secret},
		&AddUserRequest{Name: secret, Roles: []string{"dsl"}}, &CreateTokenRequest{Group: "g", Audience: secret},
		func() validator { c := goodCapture(); c.Excerpt = secret; return c }(),
		func() validator { c := goodCapture(); c.Title = secret; return c }(),
	} {
		if err := m.Validate(); err == nil || strings.Contains(err.Error(), "kill") {
			t.Errorf("%T: %v", m, err)
		}
	}
}

// FuzzValidate gives every message whatever bytes unmarshal to; nothing may
// panic, and what is valid stays so through another round.
func FuzzValidate(f *testing.F) {
	kinds := good()
	for i, m := range kinds {
		b, err := proto.Marshal(m.(proto.Message))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), b)
	}
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		m := proto.Clone(kinds[int(kind)%len(kinds)].(proto.Message))
		proto.Reset(m)
		if proto.Unmarshal(b, m) != nil {
			return
		}
		err := m.(validator).Validate()
		var fe *FieldError
		if err != nil && (!errors.As(err, &fe) || fe.Path == "" || fe.Problem == "") {
			t.Errorf("%T: error %#v does not name its field", m, err)
		}
		again, merr := proto.Marshal(m)
		if merr != nil {
			t.Fatal(merr)
		}
		proto.Reset(m)
		if uerr := proto.Unmarshal(again, m); uerr != nil {
			t.Fatal(uerr)
		}
		if second := m.(validator).Validate(); (second == nil) != (err == nil) {
			t.Errorf("%T: %v, then %v", m, err, second)
		}
	})
}
