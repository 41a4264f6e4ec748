package directory

import (
	"encoding/json"
	"fmt"
)

// Content is what of a person is sealed in a store: the names and accounts as
// the file has them.
type Content struct {
	Name     string   `json:"name"`
	Accounts []string `json:"accounts,omitempty"`
	Aliases  []string `json:"aliases,omitempty"`
}

// ContentOf is the content of a record.
func ContentOf(r Record) Content {
	c := Content{Name: r.Name, Aliases: r.Aliases}
	for _, a := range []string{r.Account, r.Email} {
		if a != "" && (len(c.Accounts) == 0 || c.Accounts[0] != a) {
			c.Accounts = append(c.Accounts, a)
		}
	}
	return c
}

// Marshal is the form that is sealed.
func (c Content) Marshal() ([]byte, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("marshal directory content: %w", err)
	}
	return b, nil
}

// UnmarshalContent reads what Marshal made.
func UnmarshalContent(b []byte) (c Content, err error) {
	if err := json.Unmarshal(b, &c); err != nil {
		return Content{}, fmt.Errorf("unmarshal directory content: %w", err)
	}
	return c, nil
}
