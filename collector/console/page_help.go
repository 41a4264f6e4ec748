package console

import (
	"net/http"

	"github.com/lapwing-schools/lapwing/collector/auth"
)

// helpPage is a page of fixed text.
func (c *Console) helpPage(page, title string) person {
	return func(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
		return c.show(w, r, id, page, "", title, nil)
	}
}
