package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"

	"github.com/lapwing-schools/lapwing/collector/datadir"
	"github.com/lapwing-schools/lapwing/collector/edge"
	"github.com/lapwing-schools/lapwing/collector/roster"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// stopWithin is how long running commands may go on when the server stops.
const stopWithin = 5 * time.Second

// maxMessage holds a directory of the largest size and the rest of its request.
const maxMessage = roster.MaxUpload + 64<<10

// Serve answers commands on the socket of dir until ctx ends. Call it only
// while holding the store of dir: then an old socket is a dead server's.
func Serve(ctx context.Context, dir string, s *Service) error {
	ln, err := listen(datadir.SocketPath(dir))
	if err != nil {
		return err
	}
	return s.serve(ctx, ln)
}

// listen opens the socket under another name, makes it private and then puts it
// in place: at no moment can anybody else connect, and a dead server's socket
// is replaced.
func listen(path string) (net.Listener, error) {
	fi, err := os.Lstat(path)
	if err == nil && fi.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("open control socket %s: a file of that name is there; move it away", path)
	}
	next := path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: next, Net: "unix"})
	if errors.Is(err, syscall.EINVAL) {
		return nil, fmt.Errorf("open control socket %s: the path is too long for a socket (103 bytes); choose a shorter --data", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	ln.SetUnlinkOnClose(false) // it would remove the old name
	if err := errors.Join(os.Chmod(next, 0o600), os.Rename(next, path)); err != nil {
		return nil, errors.Join(fmt.Errorf("open control socket: %w", err), ln.Close(), os.Remove(next))
	}
	return &socket{Listener: ln, path: path}, nil
}

// socket takes its name away when it closes.
type socket struct {
	net.Listener
	path string
	once sync.Once
}

func (s *socket) Close() error {
	err := net.ErrClosed
	s.once.Do(func() { err = errors.Join(os.Remove(s.path), s.Listener.Close()) })
	return err
}

// serve answers on ln until ctx ends.
func (s *Service) serve(ctx context.Context, ln net.Listener) error {
	srv := grpc.NewServer(append(edge.Recover(s.cfg.Log, func() {}), grpc.Creds(peerCreds{}), grpc.MaxRecvMsgSize(maxMessage))...)
	lapwingv1.RegisterControlServiceServer(srv, s)
	var wg sync.WaitGroup
	defer wg.Wait()
	stopped := make(chan struct{})
	defer close(stopped)
	wg.Go(func() {
		select {
		case <-ctx.Done():
		case <-stopped:
			return
		}
		hard := time.AfterFunc(stopWithin, srv.Stop)
		defer hard.Stop()
		srv.GracefulStop()
	})
	if err := srv.Serve(ln); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve control socket: %w", err)
	}
	return nil
}

// Client gives commands, to a running server or to the data directory itself.
type Client struct {
	lapwingv1.ControlServiceClient
	// Running tells whether a server answers.
	Running bool
	close   func() error
}

// Close ends the connection, and the service in this process if there is one.
// It may be called more than once.
func (c *Client) Close() error { return c.close() }

// Connect reaches the server that runs on dir, or else calls open for a
// service in this process; its closer is closed by Client.Close.
func Connect(dir string, open func() (*Service, io.Closer, error)) (*Client, error) {
	path := datadir.SocketPath(dir)
	conn, err := net.Dial("unix", path)
	switch {
	case err == nil:
		conn.Close() // only asked whether somebody answers; grpc dials by itself
		return dial(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}, true, func() error { return nil })
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("reach the collector at %s: %w: run this as the user the collector runs as", path, err)
	}
	// No socket, or one that a dead server left, or a path that cannot be one:
	// if a server runs all the same, it holds the store and open says so.
	s, closer, err := open()
	if err != nil {
		return nil, err
	}
	return inProcess(s, closer)
}

// inProcess serves s to the returned client alone, over a pipe in memory, so
// that a command is the same code in both cases.
func inProcess(s *Service, closer io.Closer) (*Client, error) {
	ln := newPipe()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.serve(ctx, ln) }()
	return dial(ln.dial, false, func() error {
		cancel()
		return errors.Join(<-served, closer.Close())
	})
}

func dial(how func(context.Context, string) (net.Conn, error), running bool, close func() error) (*Client, error) {
	cc, err := grpc.NewClient("passthrough:///control",
		grpc.WithContextDialer(how), grpc.WithTransportCredentials(peerCreds{}))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reach the collector: %w", err), close())
	}
	return &Client{
		ControlServiceClient: lapwingv1.NewControlServiceClient(cc), Running: running,
		close: sync.OnceValue(func() error { return errors.Join(cc.Close(), close()) }),
	}, nil
}

// pipe is a listener whose connections never leave the process.
type pipe struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipe() *pipe { return &pipe{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipe) dial(ctx context.Context, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipe) Addr() net.Addr { return &net.UnixAddr{Name: "in-process", Net: "pipe"} }
