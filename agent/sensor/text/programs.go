package text

import (
	"slices"
	"strings"
)

// Window is the window that has the keyboard focus.
type Window struct {
	// ID is the window system's number; 0 means no window.
	ID uint32
	// PID of the process that owns it, 0 when unknown or on another machine.
	PID uint32
	// Remote: the program runs on another machine, out of sight of the
	// accessibility bus.
	Remote bool
	// Plain: the program was looked at and uses no toolkit that has accessible
	// objects. One that does and is not on the bus hides its password fields.
	Plain bool
	// Own: this agent opened it, to type a canary into.
	Own bool
	// App is the program's name, for example "chromium".
	App string
	// Class is the window's class as the program sets it, for example "Chromium".
	Class string
	Title string
}

// kind of a program, as far as the gate treats it differently.
type kind uint8

const (
	other    kind = iota
	browser       // a role is always needed: a page can hold anything
	terminal      // has no accessible object; the pseudo-terminal's echo tells
	prompt        // asks for a password or a PIN and for nothing else
)

// Names are those of the program's file, or of its window class in lower case.
// A program that is missing here is judged by the accessibility bus alone.
func browsers() []string {
	return []string{
		"chromium", "chromium-browser", "chrome", "google-chrome", "google-chrome-stable", "firefox", "firefox-esr",
		"firefox-bin", "librewolf", "navigator", "brave", "brave-browser", "msedge", "microsoft-edge", "opera",
		"vivaldi", "vivaldi-bin", "epiphany", "falkon", "konqueror", "midori", "qutebrowser", "min", "tor browser",
		"waterfox", "palemoon", "seamonkey", "electron",
	}
}

func terminals() []string {
	return []string{
		"xterm", "uxterm", "urxvt", "urxvtd", "rxvt", "st", "st-256color", "alacritty", "kitty", "foot", "wezterm",
		"wezterm-gui", "eterm", "aterm", "mlterm", "cool-retro-term",
	}
}

func prompts() []string {
	return []string{
		"ssh-askpass", "x11-ssh-askpass", "ssh-askpass-gnome", "gnome-ssh-askpass", "gnome-ssh-askpass2",
		"gnome-ssh-askpass3", "ksshaskpass", "lxqt-openssh-askpass", "pinentry", "pinentry-gtk-2", "pinentry-gnome3",
		"pinentry-qt", "pinentry-qt4", "pinentry-x11", "pinentry-fltk", "pinentry-tqt", "gcr-prompter",
		"gnome-keyring-prompt", "polkit-gnome-authentication-agent-1", "polkit-mate-authentication-agent-1",
		"polkit-kde-authentication-agent-1", "lxqt-policykit-agent", "lxpolkit", "mate-polkit", "xfce-polkit",
		"kwalletd5", "kwalletd6", "gksu", "gksudo", "kdesu", "kdesudo", "lxqt-sudo", "nm-applet",
		"nm-connection-editor", "keepassxc", "keepass", "bitwarden", "1password", "seahorse",
	}
}

// kind errs to the side that captures less: a window that names itself like a
// browser is one even if its program is called otherwise, and the reverse.
func (w Window) kind() kind {
	names := []string{strings.ToLower(w.App), strings.ToLower(w.Class)}
	in := func(list []string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(list, n) })
	}
	switch {
	case in(prompts()):
		return prompt
	case in(browsers()):
		return browser
	case in(terminals()):
		return terminal
	}
	return other
}
