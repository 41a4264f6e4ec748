package storetest

import "testing"

func testModel(t *testing.T, open Open) { _ = opened(t, open) }
