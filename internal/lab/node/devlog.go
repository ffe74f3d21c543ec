package node

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
)

// syslogFile is where messages to /dev/log are kept.
const syslogFile = "/var/log/syslog"

// serveSyslog takes messages on /dev/log. Without a listener logger(1) fails, and with it cloud-init's module that
// writes the SSH host keys to the console.
func serveSyslog(ctx context.Context, path string) error {
	_ = os.Remove(path) // left from before a restart
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", path, err)
	}
	defer socket.Close()
	defer context.AfterFunc(ctx, func() { socket.Close() })()
	if err := os.Chmod(path, 0o666); err != nil {
		return err
	}
	file, err := os.OpenFile(syslogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("cannot open %s: %w", syslogFile, err)
	}
	defer file.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := socket.Read(buffer)
		if err != nil {
			return context.Cause(ctx)
		}
		if _, err := file.Write(append(withoutPriority(buffer[:n]), '\n')); err != nil {
			return fmt.Errorf("cannot write %s: %w", syslogFile, err)
		}
	}
}

// withoutPriority takes off the "<13>" of RFC 3164 and ends of line.
func withoutPriority(message []byte) []byte {
	if end := bytes.IndexByte(message, '>'); len(message) > 0 && message[0] == '<' && end > 0 && end < 5 {
		message = message[end+1:]
	}
	return bytes.TrimRight(message, "\x00\n")
}
