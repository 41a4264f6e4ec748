package console

// Cases is what the console needs of casework.
type Cases any
type streams struct{}
type waiters struct{}
