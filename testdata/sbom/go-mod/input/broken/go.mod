go 1.30
future directive
require (
	a.example.test/branch master
	a.example.test/kept v1.0.0
	a.example.test/"unquoted v1.0.0
replace a.example.test/kept => fork.example.test/kept
