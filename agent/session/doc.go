// Package session is the session process: the part of the agent that runs in
// one person's desktop session, unprivileged, and the only one that ever holds
// what was typed.
//
//	sensors ──Input──► capture.Machine ──Report──► outbox ──ipc──► service
//	(one goroutine)    (one goroutine: loop)        ≤ 64 unacked
//
// It starts to watch when its first policy has come, and ends when the service
// closes the socket. It opens no file, no listening socket and no network
// connection; it writes to the desktop only what switches accessibility on.
//
// It may import the sensors, agent/capture, agent/coverage, agent/ipc,
// internal/detect and internal/policydoc. The service's side, which starts it,
// is agent/session/supervise.
package session
