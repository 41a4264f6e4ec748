package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// assets serves the built files under content-hashed names, so that browsers
// may keep them for good.
type assets struct {
	urls  map[string]string // "console.css" → "/assets/console.0123456789ab.css"
	files map[string]asset  // by the name after /assets/
}

type asset struct {
	kind       string
	body, gzip []byte // gzip is nil where it does not help
}

// assetKinds fixes the types, whatever the system's MIME table says.
var assetKinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
}

func loadAssets() (*assets, error) {
	a := &assets{urls: map[string]string{}, files: map[string]asset{}}
	entries, err := fs.ReadDir(assetFiles, "assets")
	if err != nil {
		return nil, fmt.Errorf("list assets: %w", err)
	}
	for _, e := range entries {
		body, err := fs.ReadFile(assetFiles, path.Join("assets", e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read asset: %w", err)
		}
		ext := path.Ext(e.Name())
		kind, ok := assetKinds[ext]
		if !ok {
			return nil, fmt.Errorf("asset %s: no type for %s", e.Name(), ext)
		}
		// The build (assets-src/build.mjs) writes the same names into the style sheet.
		sum := sha256.Sum256(body)
		name := strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		packed, err := compress(body)
		if err != nil {
			return nil, fmt.Errorf("compress asset %s: %w", e.Name(), err)
		}
		a.urls[e.Name()] = "/assets/" + name
		a.files[name] = asset{kind: kind, body: body, gzip: packed}
	}
	return a, nil
}

func compress(body []byte) ([]byte, error) {
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(body); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	if buf.Len() >= len(body)*9/10 {
		return nil, nil
	}
	return buf.Bytes(), nil
}

// url returns the address of a built file; a page that asks for one that is
// not there does not render.
func (a *assets) url(name string) (string, error) {
	u, ok := a.urls[name]
	if !ok {
		return "", fmt.Errorf("no asset %q", name)
	}
	return u, nil
}

func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.files[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := f.body
	if f.gzip != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.gzip
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client is gone: nobody to tell
	}
}
