package directory

import "slices"

// Terms are the words by which a record is found: those of its name and
// aliases, and its accounts, whole and without their domain.
func Terms(r Record) []string {
	var all []string
	for _, text := range append([]string{r.Name, r.Given, r.Family}, r.Aliases...) {
		all = append(all, SearchWords(text)...)
	}
	for _, account := range append([]string{r.Account, r.Email}, r.Aliases...) {
		all = append(all, SearchWords(account)...)
		if login, _ := SplitAccount(account); login != "" {
			all = append(all, SearchWords(login)...)
		}
		if whole := Fold(account); whole != "" {
			all = append(all, whole)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// SearchWords splits what somebody typed into a search, or a name, into the
// words that are compared: whole words, without regard to case and accents.
func SearchWords(text string) []string {
	words := Words(text)
	return slices.DeleteFunc(words, func(w string) bool { return w == title })
}
