package connection_test

import (
	"errors"
	"io"
	"testing"

	"rollout/internal/connection"
)

// A command that has ended lets go of its input, or whoever still holds a pipe
// open for it would keep Run from ending.
func TestEndedCommandLetsGoOfAPipe(t *testing.T) {
	everyHost(t, func(t *testing.T, h connection.Host) {
		in, writer := io.Pipe()
		out, err := h.Run(t.Context(), connection.Command{Script: "echo done", Stdin: in})
		if err != nil || string(out.Stdout) != "done\n" {
			t.Fatalf("%+v %v", out, err)
		}
		if _, err := writer.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the pipe is still open: %v", err)
		}
	})
}
