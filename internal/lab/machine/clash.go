package machine

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"net/netip"
	"os"
	"strings"
)

// ClashError says that this machine has a route to addresses that a network of the lab wants.
type ClashError struct {
	Want   netip.Prefix
	Have   netip.Prefix
	Device string
}

func (e *ClashError) Error() string {
	return fmt.Sprintf("%s clashes with this machine's route to %s by %s (choose another network, or take that one down)",
		e.Want, e.Have, e.Device)
}

// Clash tells whether a prefix overlaps with a route of this machine, the default route aside.
func Clash(prefix netip.Prefix) error {
	table, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return fmt.Errorf("cannot read this machine's routes: %w", err)
	}
	for line := range strings.Lines(string(table)) {
		device, have, ok := parseRoute(line)
		if ok && have.Bits() > 0 && have.Overlaps(prefix) {
			return &ClashError{Want: prefix, Have: have, Device: device}
		}
	}
	return nil
}

// parseRoute reads a line of /proc/net/route, where addresses are little-endian hex.
func parseRoute(line string) (device string, prefix netip.Prefix, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 8 {
		return "", netip.Prefix{}, false
	}
	destination, err := hex.DecodeString(fields[1])
	if err != nil || len(destination) != 4 {
		return "", netip.Prefix{}, false
	}
	mask, err := hex.DecodeString(fields[7])
	if err != nil || len(mask) != 4 {
		return "", netip.Prefix{}, false
	}
	var octets [4]byte
	binary.BigEndian.PutUint32(octets[:], binary.LittleEndian.Uint32(destination))
	length := bits.OnesCount32(binary.LittleEndian.Uint32(mask))
	return fields[0], netip.PrefixFrom(netip.AddrFrom4(octets), length), true
}
