package clouds

import (
	"errors"
	"fmt"
)

// ErrNoClouds says that there is no clouds.yaml, and nothing else that names a
// cloud.
var ErrNoClouds = errors.New("there is no clouds.yaml")

// LoginError says that a session could not be opened, and where its
// credentials were taken from.
type LoginError struct {
	Cloud  string
	Source string
	Err    error
}

func (e *LoginError) Error() string {
	return fmt.Sprintf("cannot log in to cloud %s (%s): %v", e.Cloud, e.Source, e.Err)
}

// Unwrap returns the cause.
func (e *LoginError) Unwrap() error { return e.Err }
