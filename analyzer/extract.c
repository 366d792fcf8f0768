/* Unit → outline file: clang makes bitcode, a few of LLVM's passes bring it into SSA form, and the
 * walk turns it into records. */
#include "analyzer/extract.h"

#include <errno.h>
#include <llvm-c/BitReader.h>
#include <llvm-c/Error.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <string.h>

#include "analyzer/clang.h"
#include "analyzer/walk.h"
#include "runtime/base/err.h"

/* SSA form; constants, and one value for one expression; no empty blocks. The order matters: values
 * are recognised as equal only once they are in registers. */
#define PASSES "function(mem2reg,early-cse,simplifycfg)"

/* LLVM's diagnostics go nowhere: what cannot be read is told by the return value. */
static void ignore_diagnostic(LLVMDiagnosticInfoRef info, void *context)
{
	(void)info;
	(void)context;
}

static int run_passes(LLVMModuleRef module, struct err *err)
{
	LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
	LLVMErrorRef error = LLVMRunPasses(module, PASSES, NULL, options);
	char *message;

	LLVMDisposePassBuilderOptions(options);
	if (!error)
		return 0;
	message = LLVMGetErrorMessage(error);
	err_set(err, "LLVM's passes failed: %s", message);
	LLVMDisposeErrorMessage(message);
	return -EINVAL;
}

static int walk_to_file(
	const struct unit *unit, LLVMModuleRef module, const char *path, struct err *err)
{
	struct outline_builder builder = {0};
	struct walk walk = {
		.out = &builder,
		.unit = unit,
		.module = module,
		.layout = LLVMGetModuleDataLayout(module),
	};
	struct outline outline;
	uint32_t source = outline_builder_string(&builder, unit->file, strlen(unit->file));
	int rc = walk_mark(&walk);

	if (!rc)
		rc = run_passes(module, err);
	if (!rc)
		rc = walk_module(&walk);
	if (!rc)
		rc = outline_builder_finish(&builder, unit->file, unit->is_cxx, &outline);
	if (rc == -ENOMEM)
		err_set(err, "out of memory");
	if (!rc) {
		outline.source_string = source;
		rc = outline_save(&outline, path, err);
	}
	walk_fini(&walk);
	outline_builder_fini(&builder);
	return rc;
}

static int parse(LLVMContextRef context, const struct bitcode *bitcode, LLVMModuleRef *ret_module)
{
	LLVMMemoryBufferRef buffer =
		LLVMCreateMemoryBufferWithMemoryRange(bitcode->data, bitcode->len, "unit", 0);
	int rc = LLVMParseBitcodeInContext2(context, buffer, ret_module) ? -EINVAL : 0;

	LLVMDisposeMemoryBuffer(buffer);
	return rc;
}

int extract_unit(const struct unit *unit, const char *outline_path, struct err *err)
{
	struct bitcode bitcode = {0};
	LLVMContextRef context;
	LLVMModuleRef module;
	int rc = clang_bitcode(unit, &bitcode, err);

	if (rc)
		return rc;
	context = LLVMContextCreate();
	LLVMContextSetDiagnosticHandler(context, ignore_diagnostic, NULL);
	if (parse(context, &bitcode, &module)) {
		rc = err_ret(err, -EINVAL, "clang's bitcode cannot be read; is %s version 19?",
			clang_program());
	} else {
		rc = walk_to_file(unit, module, outline_path, err);
		LLVMDisposeModule(module);
	}
	LLVMContextDispose(context);
	bitcode_fini(&bitcode);
	return rc;
}
