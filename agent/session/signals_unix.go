//go:build unix

package session

import (
	"os"
	"os/signal"
	"syscall"
)

// endBySignals has signals that end this process end it as kill -9 does, when
// somebody sends them. The service then knows that it was killed: else the Go
// runtime would end it with an exit status, like a fault of its own (and with its
// stacks in the log), and SIGTERM would look like an end in good order. In good
// order only the service ends it, over the socket. A signal that came before
// stop counts.
func endBySignals() (stop func()) {
	got, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(got, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGILL,
		syscall.SIGTRAP, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV, syscall.SIGSYS)
	go func() {
		defer close(done)
		if _, ok := <-got; ok {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // cannot fail for oneself
		}
	}()
	return func() {
		signal.Stop(got)
		close(got)
		<-done
	}
}
