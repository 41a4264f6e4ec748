package osversion

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// read tells Windows 11 by its build number: RtlGetVersion says 10.0 for both.
func read() string {
	const firstBuildOf11 = 22000
	v := windows.RtlGetVersion()
	if v.MajorVersion == 10 && v.BuildNumber >= firstBuildOf11 {
		return fmt.Sprintf("Windows 11 (build %d)", v.BuildNumber)
	}
	return fmt.Sprintf("Windows %d (build %d)", v.MajorVersion, v.BuildNumber)
}
