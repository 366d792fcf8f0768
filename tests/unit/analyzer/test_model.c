/* Model files → lookups: what a YAML text makes of a symbol, and what it is refused for. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/model.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"

static void models_cleanup(struct models **models)
{
	models_free(*models);
}
#define _models_ _cleanup_(models_cleanup)

static char folder[] = "/tmp/gilscope-models-XXXXXX";

static void folder_make(void)
{
	cr_assert(mkdtemp(folder));
}

static void folder_remove(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(model, .init = folder_make, .fini = folder_remove);

static void write_file(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	cr_assert_eq(file_save(path, text, strlen(text), NULL), 0);
}

static int load(struct models *models, const char *name, struct err *err)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return models_load(models, path, err);
}

/* The models of one text, which must load. */
static struct models *models_of(const char *text)
{
	struct models *models = NULL;
	struct err err = {0};

	cr_assert_eq(models_new(&models), 0);
	write_file("one.yml", text);
	cr_assert_eq(load(models, "one.yml", &err), 0, "%s", err.text);
	return models;
}

/* The sentence that refuses a text, without the folder. */
static const char *refusal(const char *text)
{
	static struct err err;
	_models_ struct models *models = NULL;

	err.text[0] = '\0';
	cr_assert_eq(models_new(&models), 0);
	write_file("bad.yml", text);
	cr_assert_lt(load(models, "bad.yml", &err), 0, "accepted: %s", text);
	cr_assert(!strncmp(err.text, folder, strlen(folder)), "no file in: %s", err.text);
	return err.text + strlen(folder) + 1;
}

#define cr_assert_refused(text, expected)                                                          \
	do {                                                                                       \
		const char *got_ = refusal(text);                                                  \
		cr_assert(!strncmp(got_, (expected), strlen(expected)), "got: %s", got_);          \
	} while (0)

static const char recv_text[] = "library: libc\n"
				"header: sys/socket.h\n"
				"source: POSIX.1-2017\n"
				"constants:\n"
				"  - {name: MSG_DONTWAIT, value: 0x40}\n"
				"functions:\n"
				"  - name: recv\n"
				"    effect: blocks\n"
				"    wait_on: peer\n"
				"    certain: true\n"
				"    unless: [arg3 & MSG_DONTWAIT]\n"
				"    note: waits for data\n"
				"  - names: [read, fstat, open, fscanf]\n"
				"    effect: blocks\n"
				"    wait_on: file-system\n"
				"    source: read(2)\n";

Test(model, entry_is_found_with_all_it_says)
{
	_models_ struct models *models = models_of(recv_text);
	const struct model *model = models_find(models, "recv");

	cr_assert_eq(models_count(models), 5);
	cr_assert(model);
	cr_assert_str_eq(model->name, "recv");
	cr_assert_str_eq(model->library, "libc");
	cr_assert_str_eq(model->header, "sys/socket.h");
	cr_assert_str_eq(model->source, "POSIX.1-2017");
	cr_assert_str_eq(model->note, "waits for data");
	cr_assert_eq(model->effect, MODEL_BLOCKS);
	cr_assert_eq(model->wait_on, WAIT_PEER);
	cr_assert(model->is_certain);
	cr_assert_eq(model->size_arg, -1);
	cr_assert_eq(model->unless_count, 1);
	cr_assert_eq(model->unless[0].kind, COND_MASK);
	cr_assert_eq(model->unless[0].arg, 3);
	cr_assert_eq(model->unless[0].value, 0x40);
	cr_assert_str_eq(model->unless[0].text, "MSG_DONTWAIT");
	cr_assert_str_eq(models_find(models, "read")->source, "read(2)");
	cr_assert_null(models_find(models, "write"));
}

Test(model, later_file_replaces_and_removes)
{
	_models_ struct models *models = models_of(recv_text);
	struct err err = {0};

	write_file("two.yml", "library: mine\nsource: us\nfunctions:\n"
			      "  - {name: recv, effect: trivial}\n"
			      "  - {names: [read, nothing_like_it], remove: true}\n");
	cr_assert_eq(load(models, "two.yml", &err), 0, "%s", err.text);
	cr_assert_eq(models_find(models, "recv")->effect, MODEL_TRIVIAL);
	cr_assert_str_eq(models_find(models, "recv")->library, "mine");
	cr_assert_null(models_find(models, "read"));
	cr_assert_null(models_find(models, "read64"));
	cr_assert_eq(models_count(models), 4);
}

static void collect(const struct model *model, void *context)
{
	strcat(context, model->name);
	strcat(context, " ");
}

Test(model, folder_loads_in_name_order)
{
	_models_ struct models *models = NULL;
	struct err err = {0};
	char names[64] = "";

	write_file("b.yml", "library: b\nsource: b\nfunctions: [{name: f, effect: trivial}]\n");
	write_file("a.yml", "library: a\nsource: a\nfunctions:\n- {name: z, effect: trivial}\n"
			    "- {name: f, effect: trivial}\n");
	write_file("not-yaml.txt", "{{{");
	cr_assert_eq(models_new(&models), 0);
	cr_assert_eq(models_load(models, folder, &err), 0, "%s", err.text);
	cr_assert_str_eq(models_find(models, "f")->library, "b");
	models_each(models, collect, names);
	cr_assert_str_eq(names, "f z ");
}

Test(model, empty_file_is_no_models)
{
	_models_ struct models *models = models_of("library: x\n");
	char names[8] = "";

	cr_assert_eq(models_count(models), 0);
	models_each(models, collect, names);
	cr_assert_str_eq(names, "");
}

Test(model, folder_without_models_is_an_error)
{
	_models_ struct models *models = NULL;
	struct err err = {0};

	cr_assert_eq(models_new(&models), 0);
	cr_assert_lt(models_load(models, folder, &err), 0);
	cr_assert(strstr(err.text, "holds no *.yml"), "%s", err.text);
	cr_assert_lt(load(models, "missing.yml", &err), 0);
	cr_assert(strstr(err.text, "missing.yml"), "%s", err.text);
}

Test(model, names_of_the_c_library_are_normalised)
{
	static const char *const pairs[][2] = {
		{"recv", "recv"},
		{"fstat64", "fstat"},
		{"__read_chk", "read"},
		{"__isoc99_fscanf", "fscanf"},
		{"__isoc23_fscanf", "fscanf"},
		{"\1__isoc99_fscanf", "fscanf"},
		{"recv@@GLIBC_2.34", "recv"},
		{"open64@GLIBC_2.2.5", "open"},
		{"__open64_2", "open"},
		{"__fstat_time64", "fstat"},
	};
	_models_ struct models *models = models_of(recv_text);

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct model *model = models_find(models, pairs[i][0]);

		cr_assert(model, "%s", pairs[i][0]);
		cr_assert_str_eq(model->name, pairs[i][1]);
	}
	cr_assert_null(models_find(models, ""));
	cr_assert_null(models_find(models, "64"));
	cr_assert_null(models_find(models, "___chk"));
	cr_assert_null(models_find(models, "@"));
}

Test(model, cxx_names_lose_templates_and_parameters)
{
	static const char *const pairs[][2] = {
		{"_ZNSt6thread4joinEv", "std::thread::join"},
		{"_ZNSt11this_thread9sleep_forIlSt5ratioILl1ELl1EEEEvRKNSt6chrono8durationIT_T0_EE",
			"std::this_thread::sleep_for"},
		{"_ZN8pybind1118gil_scoped_releaseC2Eb",
			"pybind11::gil_scoped_release::gil_scoped_release"},
		{"_ZNSt13__future_base13_State_baseV24waitEv",
			"std::__future_base::_State_baseV2::wait"},
		{"_ZlsRSoRK1A", "operator<<"},
		{"_ZN12_GLOBAL__N_11fEi", "f"},
		{"_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE6appendEPKc",
			"std::basic_string::append"},
	};
	char text[4096] = "library: c++\nsource: ISO\nfunctions:\n";

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		sprintf(text + strlen(text), "  - {name: '%s', effect: trivial}\n", pairs[i][1]);
	_models_ struct models *models = models_of(text);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct model *model = models_find(models, pairs[i][0]);

		cr_assert(model, "%s", pairs[i][0]);
		cr_assert_str_eq(model->name, pairs[i][1]);
	}
}

Test(model, api_is_told_by_prefix_and_models)
{
	_models_ struct models *models =
		models_of("library: cpython\nsource: docs\napi_prefixes: [Py, _Py]\nfunctions:\n"
			  "  - {name: PyMem_RawMalloc, effect: api, api: unlocked}\n"
			  "  - {name: Py_SIZE, effect: api, api: accessor}\n"
			  "  - {name: PyEval_SaveThread, effect: lock, lock_op: release}\n"
			  "  - {name: PyObject_Call, effect: api, may_run_python: true}\n");

	cr_assert(models_is_api(models, "PyList_New"));
	cr_assert(models_is_api(models, "_PyObject_GC_New"));
	cr_assert(models_is_api(models, "PyObject_Call"));
	cr_assert_not(models_is_api(models, "PyMem_RawMalloc"));
	cr_assert_not(models_is_api(models, "Py_SIZE"));
	cr_assert_not(models_is_api(models, "PyEval_SaveThread"));
	cr_assert_not(models_is_api(models, "strlen"));
	cr_assert(models_find(models, "PyObject_Call")->may_run_python);
	cr_assert_eq(models_find(models, "PyEval_SaveThread")->lock_op, LOCK_OP_RELEASE);
}

#define HEAD "library: x\nsource: y\nfunctions:\n"

Test(model, mistakes_are_refused_with_their_line)
{
	cr_assert_refused("", "bad.yml:1: empty");
	cr_assert_refused("[]", "bad.yml:1: ");
	cr_assert_refused("library: x\ncolour: y\n", "bad.yml:2: unknown key `colour`");
	cr_assert_refused(HEAD "  - name: f\n    effect: trivial\n    colour: 3\n",
		"bad.yml:6: unknown key `colour`");
	cr_assert_refused(HEAD "  - name: f\n    effect: blorks\n",
		"bad.yml:5: `blorks` is not a word for this key");
	cr_assert_refused(HEAD "  - name: f\n    certain: maybe\n", "bad.yml:5: ");
	cr_assert_refused(
		HEAD "  - name: f\n    size_arg: big\n", "bad.yml:5: 'big' is not a number");
	cr_assert_refused(HEAD "  - name: f\n    name: g\n", "bad.yml:4: `name` is written twice");
	cr_assert_refused("source: y\nfunctions: []\n", "bad.yml:2: `library` is missing");
	cr_assert_refused("library: x\nfunctions:\n  - {name: f, effect: trivial}\n",
		"bad.yml:3: f: says nothing about where");
	cr_assert_refused(HEAD "  - {name: f, effect: trivial}\n\n  - {name: g}\n",
		"bad.yml:6: g: needs an `effect`");
	cr_assert_refused(HEAD "  - {effect: trivial}\n", "bad.yml:4: needs either");
	cr_assert_refused(HEAD "  - {name: f, effect: blocks}\n", "bad.yml:4: f: `effect: blocks`");
	cr_assert_refused(HEAD "  - {name: f, effect: trivial, wait_on: peer}\n", "bad.yml:4: f: ");
	cr_assert_refused(HEAD "  - {name: f, effect: mutex-lock}\n", "bad.yml:4: f: ");
	cr_assert_refused(HEAD "  - {name: f, effect: lock}\n", "bad.yml:4: f: ");
	cr_assert_refused(HEAD "  - {name: f, effect: computes, size_arg: 99}\n",
		"bad.yml:4: f: an argument index");
	cr_assert_refused(HEAD
		"  - {name: f, effect: trivial}\n  - {names: [g, f], effect: trivial}\n",
		"bad.yml:5: g: written twice");
}

Test(model, yaml_that_is_none_is_refused_with_its_line)
{
	cr_assert_refused("library: x\nsource: [y\nfunctions:\n", "bad.yml:3: not YAML");
	cr_assert_refused("library: \xff\xfe\n", "bad.yml:1: not YAML");
	cr_assert_refused("library: &a x\nsource: *a\n", "bad.yml:2: aliases");
	cr_assert_refused("library: x\n---\nlibrary: y\n", "bad.yml:2: a second document");
	cr_assert_refused("library: x\nfunctions: [[[[[[[[[[]]]]]]]]]]\n", "bad.yml:2: nested");
}

Test(model, huge_and_deep_files_are_refused)
{
	size_t size = 5 << 20;
	_free_ char *text = malloc(size + 1);

	cr_assert(text);
	memset(text, '[', size);
	text[size] = '\0';
	cr_assert(strstr(refusal(text), "is larger than"));
	text[1 << 20] = '\0';
	refusal(text);
	memset(text, ' ', 1 << 20);
	refusal(text);
}

Test(model, shipped_models_load)
{
	_models_ struct models *models = NULL;
	struct err err = {0};

	cr_assert_eq(models_new(&models), 0);
	cr_assert_eq(models_load(models, SOURCE_DIR "/analyzer/models", &err), 0, "%s", err.text);
	cr_assert_eq(models_find(models, "PyEval_SaveThread")->lock_op, LOCK_OP_RELEASE);
	cr_assert(models_is_api(models, "PyList_Append"));
	cr_assert_eq(models_find(models, "recv")->effect, MODEL_BLOCKS);
}
