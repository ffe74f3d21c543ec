package connection_test

import (
	"errors"
	"io"
	"testing"

	"rollout/internal/connection"
	"rollout/internal/connection/sshtest"
)

// A command that has ended lets go of its input, or whoever still holds a pipe
// open for it would keep Run from ending.
func TestEndedCommandLetsGoOfAPipe(t *testing.T) {
	for name, host := range map[string]connection.Host{"local": connection.Local(), "ssh": sshtest.Start(t, "").Host()} {
		t.Run(name, func(t *testing.T) {
			in, writer := io.Pipe()
			out, err := host.Run(t.Context(), connection.Command{Script: "echo done", Stdin: in})
			if err != nil || string(out.Stdout) != "done\n" {
				t.Fatalf("%+v %v", out, err)
			}
			if _, err := writer.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("the pipe is still open: %v", err)
			}
		})
	}
}
