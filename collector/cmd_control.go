package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/control"
	"github.com/lapwing-schools/lapwing/internal/logging"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// onData is what commands on a data directory share: they ask the server that
// runs on it, or do the same in this process when none does.
type onData struct {
	dataFlag
	School string `placeholder:"SLUG" help:"The school, where the collector has several."`
}

// ask calls do with a client; errors lose their gRPC dress.
func (c *onData) ask(o *output, do func(*control.Client) error) (err error) {
	client, err := control.Connect(c.Data, func() (*control.Service, io.Closer, error) {
		s, err := open(c.Data, listenFlags{Agents: ":9443", Console: ":8443"}, logging.New(o.err, logging.Options{}))
		if err != nil {
			return nil, nil, err
		}
		return s.control, closerFunc(s.close), nil
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	return plain(do(client))
}

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

// plain makes a person's error of a status: bad arguments are wrong usage.
func plain(err error) error {
	st, ok := status.FromError(err)
	switch {
	case err == nil || !ok:
		return err
	case st.Code() == codes.InvalidArgument:
		return usageError(st.Message())
	}
	return errors.New(st.Message())
}

type userCmd struct {
	Add userAddCmd `cmd:"" help:"Add a person and print a one-time sign-in link."`
}

type userAddCmd struct {
	onData
	Name  string   `required:"" help:"Name, as colleagues know it."`
	Email string   `help:"E-mail address; the person can sign in with it or with the name."`
	Role  []string `required:"" help:"One of ${roles}; repeatable."`
	// Kong would cut accounts at commas.
	Account []string `sep:"none" help:"The person's own account on devices, so that nobody reviews their own case; repeatable."`
}

func (userAddCmd) Help() string {
	return `The link is the last line. A role that opens captured text waits for a holder of dsl or head to confirm it,
except while the school has none. Give each account that the person logs on to devices with, as the devices name it:
a case about the person is then never shown to them. Example:

  lapwing-collector user add --data /var/lib/lapwing --name "H. Marlow" --role dsl --account h.marlow`
}

func (c *userAddCmd) Run(ctx context.Context, o *output) error {
	return c.ask(o, func(client *control.Client) error {
		added, err := client.AddUser(ctx, &lapwingv1.AddUserRequest{School: c.School, Name: c.Name, Email: c.Email, Roles: c.Role, Accounts: c.Account})
		if err != nil {
			return err
		}
		if opens := contentRoles(c.Role); len(opens) > 0 && len(c.Account) == 0 {
			fmt.Fprintf(o.err, "Warning: no --account was given, so Lapwing cannot tell which cases are about %s, and a holder of %s\n"+
				"would see their own. An administrator can give the account on the console, under People, Directory.\n", c.Name, strings.Join(opens, ", "))
		}
		if len(added.Pending) > 0 {
			fmt.Fprintf(o.out, "Waiting for a holder of dsl or head to confirm: %s\n", strings.Join(added.Pending, ", "))
		}
		if added.Unmatched > 0 {
			fmt.Fprintln(o.out, "Not in the directory yet:", added.Unmatched, "of the accounts. They are kept, and matched at the next import.")
		}
		_, err = fmt.Fprintln(o.out, added.Link)
		return err
	})
}

// contentRoles are those of words that open captured text.
func contentRoles(words []string) (all []string) {
	for _, w := range words {
		if caseflow.Role(w).Content() {
			all = append(all, w)
		}
	}
	return all
}

type tokenCmd struct {
	Create  tokenCreateCmd  `cmd:"" help:"Make a token and print the enrolment string."`
	List    tokenListCmd    `cmd:"" help:"List the tokens, one JSON object a line; the tokens themselves are kept nowhere."`
	Release tokenReleaseCmd `cmd:"" help:"Let the devices that a token let in send what they hold."`
}

type tokenCreateCmd struct {
	onData
	Group    string       `required:"" help:"Device group, for example \"Year 8 trolley A\"; 1 to 64 characters."`
	Audience string       `default:"pupil" help:"Whose devices they are: pupil, staff or mixed."`
	Uses     uint32       `default:"1" help:"How many devices may use it, 1 to 10000."`
	Expires  durationFlag `default:"14d" help:"How long it is good for, for example 36h or 14d; at most 365d."`
	Expected uint32       `placeholder:"N" help:"How many devices you expect; default as many as --uses. Above 1 they wait for token release."`
	Network  string       `placeholder:"CIDR" help:"The only network that it works from, for example 10.20.0.0/16."`
	Address  string       `placeholder:"HOST:PORT" help:"What devices dial; default this collector's own address."`
}

func (tokenCreateCmd) Help() string {
	return `The enrolment string is the last line: host, port, fingerprint and token in one word. A string that several
devices can use may reach one too many: what they notice stays on them until a technician has looked at the
list and released it, on the console under Enrolment or with token release. Example:

  lapwing-collector token create --data /var/lib/lapwing --group "Year 8 trolley A" --uses 30`
}

func (c *tokenCreateCmd) Run(ctx context.Context, o *output) error {
	if c.Uses == 0 {
		return usageError("--uses is 0; give 1 to 10000")
	}
	return c.ask(o, func(client *control.Client) error {
		made, err := client.CreateToken(ctx, &lapwingv1.CreateTokenRequest{
			School: c.School, Group: c.Group, Audience: c.Audience, Uses: c.Uses,
			ExpiresSeconds: int64(time.Duration(c.Expires).Seconds()), Address: c.Address,
			Expected: c.Expected, Network: c.Network,
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(o.out, made.EnrolmentString)
		return err
	})
}

type casesCmd struct {
	List casesListCmd `cmd:"" help:"List every case, one JSON object a line."`
}

type casesListCmd struct {
	onData
	JSON   bool   `required:"" help:"Print one JSON object a line."`
	Reason string `help:"Why you read content; without it excerpt and person stay empty. The ledger keeps it, and DSL and head are told."`
}

func (casesListCmd) Help() string {
	return `Example:

  lapwing-collector cases list --data /var/lib/lapwing --json --reason "copy for the LADO, ref 4711"`
}

func (c *casesListCmd) Run(ctx context.Context, o *output) error {
	return c.ask(o, func(client *control.Client) error {
		stream, err := client.ListCases(ctx, &lapwingv1.ListCasesRequest{School: c.School, Reason: c.Reason, Actor: account()})
		if err != nil {
			return err
		}
		return printEach(o.out, stream, caseJSON)
	})
}

// account is the OS account behind a command, for the ledger; sudo's caller
// when there is one.
func account() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

type devicesCmd struct {
	List    devicesListCmd    `cmd:"" help:"List every device, one JSON object a line."`
	Revoke  devicesRevokeCmd  `cmd:"" help:"Refuse a device from now on."`
	Reoffer devicesReofferCmd `cmd:"" help:"Ask all devices for what they sent before, after a restore from a backup."`
}

type devicesListCmd struct {
	onData
	JSON bool `required:"" help:"Print one JSON object a line."`
}

func (devicesListCmd) Help() string {
	return `Example:

  lapwing-collector devices list --data /var/lib/lapwing --json`
}

func (c *devicesListCmd) Run(ctx context.Context, o *output) error {
	return c.ask(o, func(client *control.Client) error {
		stream, err := client.ListDevices(ctx, &lapwingv1.ListDevicesRequest{School: c.School})
		if err != nil {
			return err
		}
		return printEach(o.out, stream, deviceJSON)
	})
}

type devicesRevokeCmd struct {
	onData
	Device string `arg:"" help:"The device's id, from devices list."`
	Reason string `required:"" help:"Why; the device is told, and the ledger keeps it. At most 200 bytes."`
}

func (devicesRevokeCmd) Help() string {
	return `The device must be enrolled again before it may send. Example:

  lapwing-collector devices revoke --data /var/lib/lapwing d4k2… --reason "stolen, ref 88"`
}

func (c *devicesRevokeCmd) Run(ctx context.Context, o *output) error {
	return c.ask(o, func(client *control.Client) error {
		_, err := client.RevokeDevice(ctx, &lapwingv1.RevokeDeviceRequest{School: c.School, Device: c.Device, Reason: c.Reason})
		if err == nil {
			_, err = fmt.Fprintf(o.out, "Device %s is revoked: nothing it sends is taken from now on.\n", c.Device)
		}
		return err
	})
}

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Check the hash chain of the ledger."`
}

type auditVerifyCmd struct{ onData }

func (auditVerifyCmd) Help() string {
	return `Prints the number of entries and the hash of the last, which a governor can note down and compare. Example:

  lapwing-collector audit verify --data /var/lib/lapwing`
}

func (c *auditVerifyCmd) Run(ctx context.Context, o *output) error {
	return c.ask(o, func(client *control.Client) error {
		found, err := client.VerifyAudit(ctx, &lapwingv1.VerifyAuditRequest{School: c.School})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(o.out, "%d entries, unbroken. Head %x\n", found.Entries, found.Head)
		return err
	})
}

// printEach prints one JSON object a line for each message of a stream.
func printEach[M any](out io.Writer, stream grpc.ServerStreamingClient[M], form func(*M) any) error {
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := lines.Encode(form(m)); err != nil {
			return err
		}
	}
}

// roleWords lists the roles for --help.
func roleWords() string {
	var words []string
	for _, r := range caseflow.Roles() {
		words = append(words, string(r))
	}
	return strings.Join(words, ", ")
}
