package cloud

import (
	"net/http"

	"rollout/internal/lab/api/wire"
)

// notFound are Neutron's words for what is not there; they differ from one kind to the next.
var notFound = map[string]string{
	"Network":           "Network %s could not be found.",
	"Subnet":            "Subnet %s could not be found.",
	"Port":              "Port %s could not be found.",
	"Router":            "Router %s could not be found",
	"FloatingIP":        "Floating IP %s could not be found",
	"SecurityGroup":     "Security group %s does not exist",
	"SecurityGroupRule": "Security group rule %s does not exist",
}

// NotFound says in Neutron's words that there is no such record.
func NotFound(kind, id string) error {
	format, ok := notFound[kind]
	if !ok {
		format = kind + " %s could not be found."
	}
	return wire.Errorf(http.StatusNotFound, kind+"NotFound", format, id)
}
