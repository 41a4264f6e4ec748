// Package console owns the web pages that people use: sign-in, the queue, the
// case, devices, the audit log. Pages are rendered on the server and work
// without JavaScript; a small script adds the live queue and keys.
//
// It decides nothing about cases: collector/casework does, and store and
// caseflow say who may see what. What a person may not see and what does not
// exist get one identical answer.
//
// It may import collector/auth, casework, caseflow, store, audit and internal
// word lists; never a store implementation. routes.go lists every address,
// each page has its own file, templates/ and assets/ are embedded. assets/ is
// built from assets-src/ (see its README) and committed.
package console
