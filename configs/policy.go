package configs

import _ "embed"

// Policy is the policy of a school that has not written its own; its form is
// described in internal/policydoc/form.
//
//go:embed policy/policy.yaml
var Policy []byte
