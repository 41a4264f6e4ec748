package usb

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lapwing-schools/lapwing/internal/checks"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// DefaultClamd is where Debian's clamav-daemon listens.
const DefaultClamd = "unix:/run/clamav/clamd.ctl"

// result is what a scan found.
type result struct {
	scan    lapwingv1.MediaScan
	why     string
	threats []string
	files   uint32
	bytes   uint64
}

// Why a scan ended early.
var (
	errNoScanner = errors.New("no scanner answers")
	errLost      = errors.New("the scanner stopped answering")
	errTooLarge  = errors.New("more than may be scanned")
	errOutOfTime = errors.New("the time is over")
)

// scanner hands files to clamd, one connection each, as its protocol wants it.
type scanner struct {
	address string // unix:PATH or tcp:HOST:PORT
	left    uint64 // bytes
	found   result
}

// scanFolder scans what is mounted at a place. An infected file is found,
// whatever goes wrong after it; else what went wrong is why nothing is known.
func scanFolder(ctx context.Context, address, place string, megabytes uint32, seconds uint32) result {
	if megabytes == 0 {
		megabytes = 4096
	}
	if seconds == 0 {
		seconds = 300
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
	defer cancel()
	s := &scanner{address: address, left: uint64(megabytes) << 20}
	err := s.ping(ctx)
	if err == nil {
		err = s.walk(ctx, place)
	}
	switch {
	case len(s.found.threats) > 0:
		s.found.scan = lapwingv1.MediaScan_MEDIA_SCAN_INFECTED
		return s.found
	case err == nil:
		s.found.scan = lapwingv1.MediaScan_MEDIA_SCAN_CLEAN
		return s.found
	}
	s.found.scan = lapwingv1.MediaScan_MEDIA_SCAN_NOT_SCANNED
	switch {
	case errors.Is(err, errNoScanner):
		s.found.why = checks.ScanNoScanner
	case ctx.Err() != nil, errors.Is(err, errOutOfTime):
		s.found.why = checks.ScanTimeout
	case errors.Is(err, errTooLarge):
		s.found.why = checks.ScanTooLarge
	case errors.Is(err, errLost):
		s.found.why = checks.ScanDied
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ENODEV), errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENXIO):
		s.found.why = checks.ScanGone
	default:
		s.found.why = checks.ScanUnreadable
	}
	return s.found
}

func (s *scanner) dial(ctx context.Context) (net.Conn, error) {
	network, address, _ := strings.Cut(s.address, ":")
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoScanner, err)
	}
	if at, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(at)
	}
	return conn, nil
}

func (s *scanner) ping(ctx context.Context) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("zPING\x00")); err != nil {
		return errNoScanner
	}
	if reply, err := bufio.NewReader(io.LimitReader(conn, 64)).ReadString(0); err != nil || reply != "PONG\x00" {
		return errNoScanner
	}
	return nil
}

// walk scans the files of one file system, and follows no link.
func (s *scanner) walk(ctx context.Context, place string) error {
	root, err := os.Lstat(place)
	if err != nil {
		return err
	}
	return filepath.WalkDir(place, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !sameDevice(root, info) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		return s.file(ctx, path)
	})
}

// file sends one file by INSTREAM.
func (s *scanner) file(ctx context.Context, path string) error {
	f, err := openPlain(path)
	if err != nil {
		return err
	}
	defer f.Close()
	conn, err := s.dial(ctx)
	if err != nil {
		return errLost // it answered before
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("zINSTREAM\x00")); err != nil {
		return errLost
	}
	chunk := make([]byte, 4+64<<10)
	for {
		n, rerr := f.Read(chunk[4:])
		if n > 0 {
			if uint64(n) > s.left {
				return errTooLarge
			}
			s.left -= uint64(n)
			s.found.bytes += uint64(n)
			binary.BigEndian.PutUint32(chunk, uint32(n))
			if _, err := conn.Write(chunk[:4+n]); err != nil {
				return s.reply(conn) // it may have said why
			}
		}
		if rerr == io.EOF {
			break
		}
		if rerr != nil {
			return rerr
		}
	}
	if _, err := conn.Write([]byte{0, 0, 0, 0}); err != nil {
		return s.reply(conn)
	}
	return s.reply(conn)
}

// reply reads "stream: OK", "stream: NAME FOUND" or an error of clamd's.
func (s *scanner) reply(conn net.Conn) error {
	line, err := bufio.NewReader(io.LimitReader(conn, 1024)).ReadString(0)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errOutOfTime
	}
	if err != nil && line == "" {
		return errLost
	}
	line = strings.TrimRight(line, "\x00\n")
	switch name, found := strings.CutSuffix(line, " FOUND"); {
	case found:
		name = clean(strings.TrimPrefix(name, "stream: "), 128)
		if name != "" && len(s.found.threats) < lapwingv1.MaxThreats && !slices.Contains(s.found.threats, name) {
			s.found.threats = append(s.found.threats, name)
		}
	case strings.HasSuffix(line, "OK"):
	case strings.Contains(line, "size limit"):
		return errTooLarge
	default:
		return errLost
	}
	s.found.files++
	return nil
}
