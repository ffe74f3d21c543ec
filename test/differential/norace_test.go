//go:build !race

package differential

// raceFlags build the program under test without the race detector.
var raceFlags = []string{}
