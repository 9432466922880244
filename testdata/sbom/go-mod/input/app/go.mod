// Deprecated: use example.test/pay/v3 instead.
module example.test/pay/v2

go 1.24.0

toolchain go1.25.1

godebug default=go1.21

require (
	a.example.test/direct v1.4.0
	a.example.test/Twice v1.9.0 // indirect
	a.example.test/Twice v1.10.0
	"b.example.test/quoted" "v2.0.0+incompatible"
	c.example.test/pseudo v0.0.0-20260102030405-0123456789ab // indirect
	d.example.test/moved v1.0.0
	d.example.test/pinned v1.0.0
	d.example.test/pinned-other v1.1.0
	e.example.test/local v0.0.0-00010101000000-000000000000
	f.example.test/excluded v1.0.0
	g.example.test/tools v0.30.0 // indirect
	g.example.test/tools/deep v0.1.0 // indirect; for tools
	h.example.test/both v1.0.0
)

require i.example.test/single v1.2.3-rc.1 // a comment

replace (
	d.example.test/moved => fork.example.test/moved v1.0.1-fork
	d.example.test/pinned v1.0.0 => d.example.test/pinned v1.0.5
	d.example.test/pinned => d.example.test/pinned v1.0.9
	d.example.test/pinned-other v1.0.0 => d.example.test/pinned-other v9.9.9
	e.example.test/local => ../local
	z.example.test/not-required => ./z
)

replace "h.example.test/both" => "../both folder"

exclude f.example.test/excluded v1.0.0

retract (
	v2.0.0 // bad
	[v2.1.0, v2.1.5]
)

tool g.example.test/tools/cmd/stringer

tool (
	g.example.test/tools/deep
	h.example.test/both/cmd/x
	example.test/pay/v2/internal/generate
)

ignore ./node_modules
