package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// mayManage says who acts on devices: those who look after them.
func mayManage(a caseflow.Actor) bool { return caseflow.Allows(a, caseflow.ManageDevices) }

// maxBulk bounds one form: a page of the list, with room.
const maxBulk = 100

// actOnDevices moves, retires or revokes the devices that were ticked. Each act
// is the same when it is done again, so a form that is sent twice does no harm.
func (c *Console) actOnDevices(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	ids := r.PostForm["device"]
	if len(ids) == 0 || len(ids) > maxBulk {
		return c.deviceActed(w, r, "none", 0)
	}
	act := r.PostForm.Get("act")
	group := store.GroupName{Name: r.PostForm.Get("group")}
	if act == "move" {
		var err error
		if group.Audience, err = c.audienceOf(r, id, group.Name); err != nil {
			return err
		}
		if group.Audience == "" {
			return c.deviceActed(w, r, "no-group", 0)
		}
	}
	if act == "prove" {
		return c.deviceActed(w, r, act, c.proveDevices(id, ids))
	}
	reason := strings.TrimSpace(r.PostForm.Get("reason"))
	if act == "revoke" && (reason == "" || utf8.RuneCountInString(reason) > 200) {
		return c.deviceActed(w, r, "no-reason", 0)
	}
	for _, one := range ids {
		var err error
		switch device := caseflow.DeviceID(one); act {
		case "move":
			err = c.moveDevice(r.Context(), id, device, group)
		case "retire":
			err = id.Tenant.RetireDevice(r.Context(), device, id.Who(), c.now())
		case "revoke":
			err = id.Tenant.Revoke(r.Context(), device, reason, id.Who(), c.now())
		default:
			return errMissing
		}
		if err != nil {
			return fmt.Errorf("act on a device: %w", err)
		}
	}
	return c.deviceActed(w, r, act, len(ids))
}

// proveDevices asks for a test phrase of those that are connected.
func (c *Console) proveDevices(id auth.Identity, ids []string) int {
	if c.prove == nil {
		return 0
	}
	devices := make([]caseflow.DeviceID, len(ids))
	for i, one := range ids {
		devices[i] = caseflow.DeviceID(one)
	}
	return c.prove(id.Tenant.Info().ID, devices, id.Who())
}

// moveDevice gives a device another group, whose policy is then newer than the
// one that it has.
func (c *Console) moveDevice(ctx context.Context, id auth.Identity, device caseflow.DeviceID, to store.GroupName) error {
	if c.policies != nil {
		d, err := id.Tenant.Device(ctx, device)
		if err != nil {
			return err
		}
		from := policy.Group{Name: d.Group, Audience: d.Audience}
		if into := (policy.Group{Name: to.Name, Audience: to.Audience}); from != into {
			if err := c.policies.Outrun(ctx, id.Tenant, from, into); err != nil {
				return err
			}
		}
	}
	return id.Tenant.MoveDevice(ctx, device, to.Name, to.Audience, id.Who(), c.now())
}

// audienceOf is the audience of a group that has devices; empty for another.
func (c *Console) audienceOf(r *http.Request, id auth.Identity, name string) (vocab.GroupAudience, error) {
	page, err := id.Tenant.FindDevices(r.Context(), store.DeviceQuery{Now: c.now(), Limit: 1})
	if err != nil {
		return "", fmt.Errorf("list groups: %w", err)
	}
	for _, g := range page.Groups {
		if g.Name == name {
			return g.Audience, nil
		}
	}
	return "", nil
}

func (c *Console) deviceActed(w http.ResponseWriter, r *http.Request, what string, n int) error {
	back := localPath(r.PostForm.Get("back"))
	if !strings.HasPrefix(back, "/devices") {
		back = "/devices"
	}
	u, err := url.Parse(back)
	if err != nil {
		return errMissing
	}
	q := u.Query()
	q.Set("done", what+"-"+strconv.Itoa(n))
	u.RawQuery = q.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
	return nil
}

// deviceDone says what the last form did.
func deviceDone(q url.Values) string {
	what := q.Get("done")
	i := strings.LastIndexByte(what, '-')
	if i < 0 {
		return ""
	}
	n, err := strconv.Atoi(what[i+1:])
	if err != nil || n < 0 || n > maxBulk {
		return ""
	}
	switch what[:i] {
	case "move":
		return plural(n, "device is", "devices are") + " in the other group now. Its policy reaches them when they connect again."
	case "retire":
		return plural(n, "device is", "devices are") + " retired: out of this list and out of every number."
	case "revoke":
		return plural(n, "device is", "devices are") + " revoked: nothing that they send is taken."
	case "prove":
		if n == 0 {
			return "No test phrase was asked for: only devices that are connected now can be asked."
		}
		return plural(n, "connected device is", "connected devices are") + " asked for a test phrase. It is typed when nobody uses the device; what came of it is on its page within ten minutes."
	case "none":
		return "Nothing was done: tick one device or more, 100 at most."
	case "no-group":
		return "Nothing was done: choose the group to move to."
	case "no-reason":
		return "Nothing was done: say why the devices are revoked, in 200 characters or fewer."
	}
	return ""
}
