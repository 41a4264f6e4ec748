package control

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/roster"
	"github.com/lapwing-schools/lapwing/collector/store"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Directory brings lists of people into a school (collector/roster).
type Directory interface {
	Plan(ctx context.Context, t store.Tenant, r directory.Roster) (*roster.Plan, error)
	Apply(ctx context.Context, t store.Tenant, p *roster.Plan, by audit.Who) (store.DirectoryState, error)
	// Persons are the keys of an account and of the directory entry that it matches, if it does.
	Persons(ctx context.Context, t store.Tenant, account string) (keys []caseflow.PersonKey, known bool, err error)
}

// ImportDirectory replaces a school's directory by a file, or says what that
// would change. No name is in the answer.
func (s *Service) ImportDirectory(ctx context.Context, req *lapwingv1.ImportDirectoryRequest) (*lapwingv1.ImportDirectoryResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, refuse("%v", err)
	}
	t, err := s.school(ctx, req.School)
	if err != nil {
		return nil, err
	}
	people, err := roster.Read(req.Name, req.Data)
	var wrong *directory.Error
	if errors.As(err, &wrong) {
		return nil, status.Error(codes.FailedPrecondition, wrong.Error())
	}
	if err != nil {
		return nil, s.failed(ctx, "read directory file", err)
	}
	plan, err := s.cfg.Directory.Plan(ctx, t, people)
	if err != nil {
		return nil, s.failed(ctx, "compare directory", err)
	}
	v := plan.Preview
	out := &lapwingv1.ImportDirectoryResponse{
		Pupils: uint32(v.Pupils), Staff: uint32(v.Staff), Added: uint32(v.Added), Changed: uint32(v.Changed), Gone: uint32(v.Gone),
		Same: uint32(v.Same), Skipped: uint32(v.Skipped), Matched: uint32(v.Matched), Unmatched: uint32(v.Unmatched), Shared: v.Shared,
	}
	if req.Preview {
		return out, nil
	}
	state, err := s.cfg.Directory.Apply(ctx, t, plan, s.who(ctx))
	if errors.Is(err, store.ErrExists) {
		return nil, status.Error(codes.Aborted, "the directory was changed by somebody else at the same moment; import the file again")
	}
	if err != nil {
		return nil, s.failed(ctx, "import directory", err)
	}
	out.Done, out.Version = true, state.Version
	return out, nil
}

// link gives a user the keys of their own accounts, so that nobody reviews
// their own case, and counts the accounts that match nobody yet.
func (s *Service) link(ctx context.Context, t store.Tenant, u *store.User, accounts []string) (unmatched uint32, err error) {
	for i, a := range accounts {
		if err := label(fmt.Sprintf("account %d", i+1), a, directory.MaxFieldChars); err != nil {
			return 0, err
		}
		keys, known, err := s.cfg.Directory.Persons(ctx, t, a)
		if err != nil {
			return 0, s.failed(ctx, "find account", err)
		}
		if !known {
			unmatched++
		}
		for _, k := range keys {
			if !slices.Contains(u.Persons, k) {
				u.Persons = append(u.Persons, k)
			}
		}
	}
	return unmatched, nil
}
