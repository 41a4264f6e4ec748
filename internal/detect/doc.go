// Package detect is Lapwing's text-matching engine. It owns how typed text is
// read (readings), how the phrases of compiled rule packs are found in it, and
// how the words around a find raise, lower or silence it.
//
// The package knows nothing of YAML: internal/detect/rulepack compiles packs
// to a Program, Encode turns that into a flat byte string, and Load makes an
// Engine of it on the device.
//
// It may import the standard library, internal/vocab and
// golang.org/x/text/unicode/norm, and must build for GOOS=js: no JSON, no
// protobuf, no crypto, no files, no clock. docs/detection.md describes it.
package detect
