module github.com/lapwing-schools/lapwing/internal/detect/bench

go 1.26.0

require (
	github.com/TwiN/go-away v1.6.13
	github.com/lapwing-schools/lapwing v0.0.0
	github.com/petar-dambovaliev/aho-corasick v0.0.0-20250424160509-463d218d4745
)

require (
	go.yaml.in/yaml/v3 v3.0.6 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/lapwing-schools/lapwing => ../../..
