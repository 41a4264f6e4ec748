package console

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/auth"
)

// auditPageSize is how many entries a page shows.
const auditPageSize = 100

// auditView is one page of the ledger, oldest first, as it was written.
type auditView struct {
	Rows  []auditRow
	Next  string
	First bool
}

type auditRow struct {
	Seq                              uint64
	At, Who, Via, Action, On, Reason string
}

func (c *Console) audit(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	after, err := strconv.ParseUint(orWord(r.URL.Query().Get("after"), "0"), 10, 63)
	if err != nil {
		return errMissing
	}
	entries, err := id.Tenant.Entries(r.Context(), after, auditPageSize)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	// Reading the log is itself in the log.
	if err := id.Tenant.Append(r.Context(), audit.Entry{At: c.now(), Who: id.Who(), Action: audit.LedgerRead}); err != nil {
		return fmt.Errorf("record the reading: %w", err)
	}
	now := c.now().In(c.zone)
	v := auditView{First: after == 0}
	for _, e := range entries {
		v.Rows = append(v.Rows, auditRow{Seq: e.Seq, At: moment(e.At.In(c.zone), now), Who: orWord(e.Who.Name, "Lapwing"),
			Via: e.Who.Via, Action: string(e.Action), On: strings.Join(e.Object, ", "), Reason: e.Reason})
	}
	if len(entries) == auditPageSize {
		v.Next = fmt.Sprintf("/audit?after=%d", entries[len(entries)-1].Seq)
	}
	return c.show(w, r, id, "audit", "/audit", "Audit log", v)
}
