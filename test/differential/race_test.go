//go:build race

package differential

// raceFlags build the program under test with the race detector, as the tests are.
var raceFlags = []string{"-race"}
