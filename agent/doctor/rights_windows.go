package doctor

// strangeOwner: the installer sets the directory's list of rights, which is not looked at yet.
func strangeOwner(string) (path, owner, account string) { return "", "", "" }
