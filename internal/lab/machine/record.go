package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"rollout/internal/lab/api/backend"
)

// A record keeps what a machine's next start needs and Docker doesn't know, such as the order of its NICs.

func (b *Backend) recordFile(id string) string {
	return filepath.Join(b.config.Dir, "machines", id+".json")
}

func (b *Backend) networkFile(id string) string {
	return filepath.Join(b.config.Dir, "networks", id+".json")
}

func (b *Backend) readRecord(id string) (backend.Machine, error) {
	var machine backend.Machine
	err := readJSON(b.recordFile(id), &machine)
	if errors.Is(err, os.ErrNotExist) {
		err = &MissingError{ID: id}
	}
	return machine, err
}

func (b *Backend) writeRecord(machine backend.Machine) error {
	return writeJSON(b.recordFile(machine.ID), machine)
}

func (b *Backend) writeNetwork(network backend.Network) error {
	return writeJSON(b.networkFile(network.ID), network)
}

// readNetworks reads all networks' records, in the order of their ids.
func (b *Backend) readNetworks() ([]backend.Network, error) {
	files, err := filepath.Glob(b.networkFile("*"))
	if err != nil {
		return nil, fmt.Errorf("cannot list networks: %w", err)
	}
	networks := make([]backend.Network, len(files))
	for i, file := range files {
		if err := readJSON(file, &networks[i]); err != nil {
			return nil, err
		}
	}
	return networks, nil
}

// changeRecord reads, changes and writes a record as one step.
func (b *Backend) changeRecord(id string, change func(*backend.Machine)) (backend.Machine, error) {
	b.records.Lock()
	defer b.records.Unlock()
	machine, err := b.readRecord(id)
	if err != nil {
		return machine, err
	}
	change(&machine)
	return machine, b.writeRecord(machine)
}

func readJSON(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("cannot read the lab's records: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("cannot read %s: %w", file, err)
	}
	return nil
}

func writeJSON(file string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", file, err)
	}
	return writeFile(file, text)
}

// writeFile replaces a file as a whole, so that a crash leaves the old or the new one. Only its owner may read it.
func writeFile(name string, text []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	_, err = temporary.Write(text)
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	return nil
}
