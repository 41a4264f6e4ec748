package dial

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
)

// refused puts the proxy's answer into an error that says who has to do
// something: nil when we are let through.
func refused(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusProxyAuthRequired:
		if offered := schemes(resp.Header); len(offered) > 0 && !offersBasic(offered) {
			return fmt.Errorf("%w: it wants %s, which Lapwing does not speak: it must let the collector's host and port through without",
				ErrProxy, strings.Join(offered, " or "))
		}
		return ErrProxyAuth
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fmt.Errorf("%w: it answered %d", ErrProxyNoWay, resp.StatusCode)
	}
	return fmt.Errorf("%w: it answered %d", ErrProxy, resp.StatusCode)
}

// schemes are the words of authentication that the proxy offers, as far as they
// look like words: they go into status and logs.
func schemes(h http.Header) []string {
	var out []string
	for _, line := range h.Values("Proxy-Authenticate") {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		letters := strings.Trim(strings.ToLower(word), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
		if word != "" && len(word) <= 20 && letters && len(out) < 4 {
			out = append(out, word)
		}
	}
	return out
}

func offersBasic(offered []string) bool {
	return slices.ContainsFunc(offered, func(s string) bool { return strings.EqualFold(s, "Basic") })
}

// unanswered says what came instead of an answer.
func unanswered(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it closed the connection without an answer", ErrProxy)
	}
	if kind := unheard(err, ErrProxy); kind != ErrProxy {
		return fmt.Errorf("%w: it took the connection and said nothing", kind)
	}
	return fmt.Errorf("%w: it answered with something that is not HTTP", ErrProxy)
}

// unheard is ErrProxyAway where nothing came in time, and otherwise kind.
func unheard(err, kind error) error {
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		return ErrProxyAway
	}
	return kind
}
