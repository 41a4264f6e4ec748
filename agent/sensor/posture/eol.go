package posture

import "time"

// eolAsOf is when the table below was written, from the dates that the makers
// have published: wiki.debian.org/DebianReleases and LTS, ubuntu.com/about/release-cycle,
// linuxmint.com, docs.fedoraproject.org/releases/eol. Whoever changes it
// compares it with them. docs/sensors.md repeats the date. A release that is
// not in it cannot be told: so a date that is not certain is left out.
const eolAsOf = "2026-11-21"

// eol is the last day on which a release gets security updates without a paid
// contract, by ID and VERSION_ID of os-release.
var eol = map[string]map[string]string{
	"debian": {"9": "2022-06-30", "10": "2024-06-30", "11": "2026-08-31", "12": "2028-06-30", "13": "2030-06-30"},
	"ubuntu": {"18.04": "2023-05-31", "20.04": "2025-05-31", "22.04": "2027-04-30", "23.10": "2024-07-11", "24.04": "2029-04-30",
		"24.10": "2025-07-10", "25.04": "2026-01-15", "25.10": "2026-07-09", "26.04": "2031-04-30"},
	"linuxmint": {"20": "2025-04-30", "20.3": "2025-04-30", "21": "2027-04-30", "21.3": "2027-04-30", "22": "2029-04-30"},
	"fedora":    {"40": "2025-05-13", "41": "2025-12-15"},
}

// supportedUntil is the last day of a release; ok is false for one that the
// table does not have.
func supportedUntil(id, version string) (day time.Time, ok bool) {
	s, ok := eol[id][version]
	if !ok {
		return time.Time{}, false
	}
	day, err := time.Parse(time.DateOnly, s)
	return day.Add(24*time.Hour - time.Second), err == nil
}
