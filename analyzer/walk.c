/* One module → all its globals and functions, in the module's order. */
#include "analyzer/walk.h"

#include <errno.h>
#include <string.h>

static unsigned attribute_kind(const char *name)
{
	return LLVMGetEnumAttributeKindForName(name, strlen(name));
}

int walk_module(struct walk *walk)
{
	LLVMValueRef function;

	walk->noreturn_kind = attribute_kind("noreturn");
	walk->nounwind_kind = attribute_kind("nounwind");
	for (LLVMValueRef global = LLVMGetFirstGlobal(walk->module); global;
		global = LLVMGetNextGlobal(global))
		walk_global(walk, global);
	for (function = LLVMGetFirstFunction(walk->module); function;
		function = LLVMGetNextFunction(function))
		if (function != walk->mark && !LLVMGetIntrinsicID(function))
			walk_function(walk, function);
	for (LLVMValueRef alias = LLVMGetFirstGlobalAlias(walk->module); alias;
		alias = LLVMGetNextGlobalAlias(alias)) {
		function = LLVMAliasGetAliasee(alias);
		if (LLVMIsAFunction(function))
			walk_alias(walk, alias, function);
	}
	return walk->out->is_short ? -ENOMEM : 0;
}

void walk_fini(struct walk *walk)
{
	vec_fini(&walk->mark_types);
	idmap_fini(&walk->scopes);
	idmap_fini(&walk->types);
	idmap_fini(&walk->systems);
	idmap_fini(&walk->values);
	idmap_fini(&walk->positions);
	vec_fini(&walk->blocks);
	vec_fini(&walk->costs);
	vec_fini(&walk->dominators);
	vec_fini(&walk->pending);
}
