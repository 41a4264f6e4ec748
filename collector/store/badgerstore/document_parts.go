package badgerstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/lapwing-schools/lapwing/collector/store"
)

// partBytes is the most of a document's body that stands in one row: several
// fit a transaction of the smallest database there is. A longer body is cut
// into rows of its own, which are written before the document itself, each by
// a transaction. Their key is the body's hash, so that two who write the same
// version at once do not mix, and one who was stopped half way writes the same
// rows again. Rows of a document that never came stay behind; nobody reads them.
const partBytes = 64 << 10

// documentRow is a document as it is kept: with its body, or with the body's
// length and hash when that stands in parts.
type documentRow struct {
	store.Document
	Size uint64
	Sum  []byte
}

func documentRowFields(c *codec, x *documentRow) {
	documentFields(c, &x.Document)
	number(c, 7, &x.Size)
	raw(c, 8, &x.Sum)
}

type documentPart struct{ Body []byte }

func documentPartFields(c *codec, x *documentPart) { raw(c, 1, &x.Body) }

func keyPart(s store.SchoolID, kind string, sum []byte, part uint64) []byte {
	return prefix(s, tPart, hashed(kind), sum, be64(part))
}

// putParts keeps the body of d where it is long, and returns the row to keep.
func (t *tenant) putParts(ctx context.Context, d store.Document) (documentRow, error) {
	row := documentRow{Document: d}
	if len(d.Body) <= partBytes {
		return row, nil
	}
	sum := sha256.Sum256(d.Body)
	row.Size, row.Sum, row.Body = uint64(len(d.Body)), sum[:], nil
	for i, rest := uint64(0), d.Body; len(rest) > 0; i++ {
		n := min(len(rest), partBytes)
		part := documentPart{rest[:n]}
		err := t.s.do(ctx, func(x *tx) error {
			save(x, keyPart(t.info.ID, d.Kind, row.Sum, i), part, documentPartFields)
			return nil
		})
		if err != nil {
			return row, err
		}
		rest = rest[n:]
	}
	return row, nil
}

// whole returns the document of a row with its body.
func (t *tenant) whole(r reader, row documentRow) (store.Document, error) {
	d := row.Document
	if row.Size == 0 {
		return d, nil
	}
	if row.Size > store.MaxDocument {
		return d, fmt.Errorf("document: %w", ErrCorrupt)
	}
	d.Body = make([]byte, 0, row.Size)
	for i := uint64(0); uint64(len(d.Body)) < row.Size; i++ {
		part, err := load(r.get, keyPart(t.info.ID, d.Kind, row.Sum, i), documentPartFields)
		if err != nil || len(part.Body) == 0 {
			return d, fmt.Errorf("document's part %d: %w", i, ErrCorrupt)
		}
		d.Body = append(d.Body, part.Body...)
	}
	if sum := sha256.Sum256(d.Body); !bytes.Equal(sum[:], row.Sum) {
		return d, fmt.Errorf("document: %w", ErrCorrupt)
	}
	return d, nil
}
