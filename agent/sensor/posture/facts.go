package posture

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v3/disk"
	"github.com/shirou/gopsutil/v3/mem"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// factsOf are for the asset register. What is not known is left out.
func factsOf(ctx context.Context, m *machine) []*lapwingv1.Fact {
	var all []*lapwingv1.Fact
	add := func(id, value string) {
		if value = strings.TrimSpace(strings.ToValidUTF8(value, "")); value != "" && len(value) <= lapwingv1.MaxDetail {
			all = append(all, &lapwingv1.Fact{Id: id, Value: value})
		}
	}
	const dmi = "/sys/class/dmi/id/"
	add("maker", m.text(dmi+"sys_vendor"))
	add("model", m.text(dmi+"product_name"))
	add("serial", m.text(dmi+"product_serial"))
	add("firmware_date", m.text(dmi+"bios_date"))
	add("processors", strconv.Itoa(runtime.NumCPU()))
	add("battery_health", battery(m))
	if m.root != "" {
		return all // below are the system's own
	}
	if v, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		add("memory", gigabytes(v.Total))
	}
	place := "/"
	if runtime.GOOS == "windows" {
		place = `C:\`
	}
	if d, err := disk.UsageWithContext(ctx, place); err == nil {
		add("disk", gigabytes(d.Total))
		add("disk_free", gigabytes(d.Free))
	}
	return all
}

func gigabytes(n uint64) string {
	return fmt.Sprintf("%d GB", (n+1<<29)>>30)
}

// battery is what is left of its capacity when new.
func battery(m *machine) string {
	for _, dir := range m.glob("/sys/class/power_supply/BAT*") {
		for _, kind := range []string{"energy", "charge"} {
			now, err1 := strconv.ParseUint(m.text(dir+"/"+kind+"_full"), 10, 64)
			design, err2 := strconv.ParseUint(m.text(dir+"/"+kind+"_full_design"), 10, 64)
			if err1 == nil && err2 == nil && design > 0 && now <= 2*design {
				return fmt.Sprintf("%d %%", min(now*100/design, 100))
			}
		}
	}
	return ""
}
