package config

import (
	"fmt"
	"time"
)

// Files is a folder whose files are read.
type Files struct {
	Name   string   `yaml:"name" doc:"Name in events and scopes: letters, digits, - and _. Required, unique, and no database's."`
	Folder string   `yaml:"folder" doc:"The folder, with all below it; links are not followed. Relative to this file. Required."`
	Every  Duration `yaml:"every,omitempty" doc:"Time between readings, at least 1m. Files that did not change are not read again, unless they hold persons that no table knew. Default: 6h."`
	Watch  bool     `yaml:"watch,omitempty" doc:"Linux only: follow files that come, change and go between two readings. With CAP_SYS_ADMIN the kernel keeps each file until it was read; without, what was too late is a finding. Default: false."`
}

const defaultFilesEvery = 6 * time.Hour

// files checks the folders; names are those of databases.
func (k *checker) files(all []Files, names map[string]string) {
	for i, f := range all {
		path := fmt.Sprintf("files[%d]", i)
		k.name(path+".name", f.Name, names)
		k.require(path+".folder", f.Folder, "name the folder, such as /var/www")
		k.within(path+".every", f.Every, time.Minute, 366*24*time.Hour)
	}
}
