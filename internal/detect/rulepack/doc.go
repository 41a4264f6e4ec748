// Package rulepack owns the YAML form of rule packs: reading, checking,
// compiling to a detect.Program, and running the examples that every rule
// carries. docs/detection.md describes the format, schema.json holds its
// schema.
//
// It may import internal/detect, internal/vocab, the YAML library and the
// standard library.
package rulepack
