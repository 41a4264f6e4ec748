// Package edge holds what the collector's gRPC doors share: a handler that
// panics ends its own call only, and nothing of what it was handling reaches
// the log; and texts are cut to what a message may hold. It imports the standard library and grpc.
package edge

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Recover returns the options that turn a panic in a handler into the status
// Internal. The log gets the stack and the type of the panic's value, never
// the value: it may hold what somebody typed.
func Recover(log *slog.Logger, panicked func()) []grpc.ServerOption {
	caught := func(ctx context.Context, method string, v any) error {
		panicked()
		log.ErrorContext(ctx, "handler panicked", "method", method, "kind", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
		return status.Error(codes.Internal, "The collector met an error of its own; it is in its log. Try again later.")
	}
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
			defer func() {
				if v := recover(); v != nil {
					err = caught(ctx, info.FullMethod, v)
				}
			}()
			return next(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
			defer func() {
				if v := recover(); v != nil {
					err = caught(ss.Context(), info.FullMethod, v)
				}
			}()
			return next(srv, ss)
		}),
	}
}

// Shorten cuts s to at most n bytes on a rune border: names are limited in
// characters, the fields of a message in bytes.
func Shorten(s string, n int) string {
	for len(s) > n {
		_, last := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-last]
	}
	return s
}
