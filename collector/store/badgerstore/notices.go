package badgerstore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

func noticeFields(c *codec, x *store.NoticeRecord) {
	c.fixed(1, x.Person[:])
	text(c, 2, &x.Version)
	number(c, 3, &x.State)
	c.moment(4, &x.At)
	text(c, 5, &x.Device)
	text(c, 6, &x.By)
	raw(c, 7, &x.With)
}

func (t *tenant) PutNotice(ctx context.Context, n store.NoticeRecord, by audit.Who) error {
	entry := noticeEntry(audit.NoticeOnPaper, n, by, n.At)
	if err := errors.Join(store.CheckNotice(n), checkEntry(entry)); err != nil {
		return fmt.Errorf("put notice: %w", err)
	}
	n.At = utc(n.At)
	err := t.s.do(ctx, func(x *tx) error {
		return x.notice(t.school, n, entry)
	})
	if err != nil {
		return fmt.Errorf("put notice: %w", err)
	}
	return nil
}

// seenNotice keeps what a device says of the notice.
func (t *tx) seenNotice(sc *school, a triage.Arrival) error {
	n := store.NoticeRecordOf(a)
	return t.notice(sc, n, noticeEntry(audit.NoticeSeen, n, audit.System(), a.ReceivedAt))
}

// notice keeps n unless what stands is newer or says more.
func (t *tx) notice(sc *school, n store.NoticeRecord, entry audit.Entry) error {
	key := prefix(sc.info.ID, tNotice, n.Person[:], hashed(n.Version))
	old, err := load(t.get, key, noticeFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if !n.State.Follows(old.State) || n.At.Before(old.At) {
		return nil
	}
	save(t, key, n, noticeFields)
	t.log(sc, entry)
	return nil
}

func noticeEntry(a audit.Action, n store.NoticeRecord, by audit.Who, at time.Time) audit.Entry {
	return audit.Entry{At: utc(at), Who: by, Action: a, Object: []string{hex.EncodeToString(n.Person[:]), n.Version, fmt.Sprint(n.State)}}
}

func (t *tenant) NoticesOf(ctx context.Context, version string) ([]store.NoticeRecord, error) {
	all, err := readAll(ctx, t.s, prefix(t.info.ID, tNotice), noticeFields)
	if err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	return slices.DeleteFunc(all, func(n store.NoticeRecord) bool { return version != "" && n.Version != version }), nil
}
