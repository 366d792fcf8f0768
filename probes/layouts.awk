# layouts.tsv or debug_offsets.tsv → C initialisers. The header row names the fields: a column that struct layout_row
# has is written to it, any other one to the struct layout inside. A row with a missing column ends the build.
BEGIN { FS = "\t" }
/^#/ || NF == 0 { next }
!columns {
	columns = NF
	for (i = 1; i <= NF; i++)
		name[i] = $i
	next
}
NF != columns {
	printf "%s:%d: %d columns, not %d\n", FILENAME, FNR, NF, columns > "/dev/stderr"
	exit 1
}
{
	split($1, version, ".")
	printf "{.minor = %s, .how = \"table %s\"", version[2], $1
	for (i = 2; i <= NF; i++) {
		value = $i == "-" ? "LAYOUT_ABSENT" : $i
		if (name[i] == "arch")
			printf ", .machine = %s", $i == "aarch64" ? "EM_AARCH64" : "EM_X86_64"
		else if (name[i] == "build")
			printf ", .is_free_threaded = %s", $i == "ft" ? "true" : "false"
		else if (name[i] == "runtime_gil" || name[i] == "interp_gil")
			printf ", .%s = %s", name[i], value
		else
			printf ", .layout.%s = %s", name[i], value
	}
	print "},"
}
