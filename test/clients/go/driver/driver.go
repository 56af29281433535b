// Package driver is the frame of a driver; what that is, ../../driver.js says.
package driver

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// Told is what came of an action.
type Told map[string]any

// Action does what it is told; it panics with a Missing, or with an error.
type Action func(address, argument string) Told

// Missing is what a client has not got.
type Missing string

var (
	TLSCertificate = os.Getenv("TLS_CA")
	User           = os.Getenv("SASL_USER")
	Password       = os.Getenv("SASL_PASSWORD")
)

// Drive runs the action of the command line, or tells the client's version.
func Drive(version string, actions map[string]Action) {
	if os.Args[1] == "version" {
		tell(Told{"version": version})
	}
	action, argument := os.Args[2], ""
	if len(os.Args) > 3 {
		argument = os.Args[3]
	}
	started := time.Now()
	defer func() {
		switch failure := recover().(type) {
		case Missing:
			tell(Told{"missing": string(failure)})
		default:
			tell(Told{"failed": fmt.Sprint(failure)})
		}
	}()
	do, known := actions[action]
	if !known {
		panic(Missing("has no " + action))
	}
	told := do(os.Args[1], argument)
	if told == nil {
		told = Told{}
	}
	told["ms"] = float64(time.Since(started).Microseconds()) / 1000
	tell(told)
}

// Check panics with an error.
func Check(err error) {
	if err != nil {
		panic(err)
	}
}

// Must gives a value, or panics with the error.
func Must[Value any](value Value, err error) Value {
	Check(err)
	return value
}

// Values are what is written and read back to try compression and connections.
func Values(count int) []string {
	values := make([]string, count)
	for i := range values {
		values[i] = strings.Repeat(fmt.Sprintf("value %d ", i), 10)
	}
	return values
}

// IsShared says whether each member has as many of the six partitions as the others.
func IsShared(owned [][]int) bool {
	for _, each := range owned {
		if len(each)*len(owned) != 6 {
			return false
		}
	}
	return true
}

// ClassicOnly panics where another protocol of groups is asked for.
func ClassicOnly(protocol string) {
	if protocol != "classic" {
		panic(Missing("has no KIP-848 groups"))
	}
}

// VersionOf gives the version of a module that the driver is built with.
func VersionOf(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, each := range info.Deps {
		if each.Path == module {
			return strings.TrimPrefix(each.Version, "v")
		}
	}
	return "unknown"
}

func tell(told Told) {
	Check(json.NewEncoder(os.Stdout).Encode(told))
	os.Exit(0)
}
