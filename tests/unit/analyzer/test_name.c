/* Linker symbols → the names their authors gave. */
#include <criterion/criterion.h>

#include "analyzer/name.h"
#include "runtime/base/str.h"

static const struct {
	const char *symbol, *name;
} cases[] = {
	{"read", "read"},
	{"_Zbroken", "_Zbroken"},
	{"", ""},
	{"_Z1fi", "f"},
	{"_ZN2ns1C3runEv", "ns::C::run"},
	{"_ZNK2ns1C3getEv", "ns::C::get"},
	{"_ZN12_GLOBAL__N_14helpEi", "(anonymous namespace)::help"},
	/* int apply<int, void (*)(char)>(int, void (*)(char)) */
	{"_Z5applyIiPFvcEEiT_T0_", "apply"},
	/* std::vector<int, std::allocator<int> >::push_back(int const&) */
	{"_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector::push_back"},
	{"_ZlsRSoi", "operator<<"},
	{"_ZN1CclEi", "C::operator()"},
	{"_ZN1CixEi", "C::operator[]"},
	{"_ZN1CcvbEv", "C::operator bool"},
	{"_ZNK1CcvPFiiEEv", "C::operator int"},
	{"_ZN1CD2Ev", "C::~C"},
	{"_ZnwmRKSt9nothrow_t", "operator new"},
	/* f(int)::{lambda(char)#1}::operator()(char) const */
	{"_ZZ1fiENKUlcE_clEc", "f::{lambda#1}::operator()"},
	{"_ZThn16_N1C3runEv", "C::run"},
	{"_ZTV1C", "C"},
};

Test(name, source_names)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_str_fini_ struct str out = STR_INIT(4096);

		cr_assert_eq(name_from_symbol(cases[i].symbol, &out), 0);
		cr_expect_str_eq(str_text(&out), cases[i].name, "%s: %s, not %s", cases[i].symbol,
			str_text(&out), cases[i].name);
	}
}

Test(name, stays_within_its_maximum)
{
	_str_fini_ struct str out = STR_INIT(4);

	cr_assert_neq(name_from_symbol("_ZN2ns1C3runEv", &out), 0);
	cr_assert_eq(out.len, 0);
}
