// Package token makes the secrets that the collector hands out once and
// afterwards knows only by their hash: enrolment tokens and sign-in links. It
// imports the standard library only.
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// secretBytes gives 160 random bits, which nobody guesses, in 32 characters,
// which a person can still paste.
const secretBytes = 20

var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// New returns a secret of 32 characters of a-z and 2-7.
func New() string {
	var b [secretBytes]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return alphabet.EncodeToString(b[:])
}

// Hash is what a store keeps and looks up. A lookup by hash takes a time that
// depends on the hash alone, so it tells an attacker nothing about the secrets
// that exist.
func Hash(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }

// ForSchool returns an enrolment token that names the school it opens, so that
// the collector looks in one school only.
func ForSchool(slug string) string { return slug + "_" + New() }

// School returns the slug in a token made by ForSchool, or "" when it has none.
// It proves nothing: the hash of the whole token does.
func School(tok string) string {
	slug, secret, ok := strings.Cut(tok, "_")
	if !ok || secret == "" {
		return ""
	}
	return slug
}
