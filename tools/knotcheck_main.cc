#include <cstdio>
#include <fstream>
#include <sstream>
#include <chrono>
#include "lang/parse.h"
#include "verify/check.h"
int main(int argc,char**argv){ using namespace knotcheck;
 for(int i=1;i<argc;i++){ std::ifstream f(argv[i]); std::stringstream ss; ss<<f.rdbuf();
  auto sc=lang::Parse(ss.str(), argv[i]); if(!sc.ok()){printf("%s\n",std::string(sc.status().message()).c_str());continue;}
  for(auto* p: model::AllProposals()){ auto t0=std::chrono::steady_clock::now(); auto a=verify::Check(*sc,*p,{}); if(!a.ok()){printf("%s\n",a.status().ToString().c_str());continue;}
   double dt=std::chrono::duration<double>(std::chrono::steady_clock::now()-t0).count();
   printf("%s %s: %s states=%lu trans=%lu depth=%lu bits=%d %.2fs %.2f Mtr/s\n",argv[i],p->name,verify::Outcome(*a).c_str(),a->result.states,a->result.transitions,a->result.depth,a->result.state_bits,dt,a->result.transitions/dt/1e6);
   for(auto&v:a->vacuous) printf("  vacuous %s\n",v.c_str());
   auto q=verify::Question::Make(*sc,*p,{});
   for(auto&pv:a->properties) if(pv.status==checker::Status::kViolated && getenv("V")){ printf(" -- %s\n",pv.info.name.c_str()); auto r=verify::Trace((*q)->system(),pv.path); for(auto&s:r.steps){ printf("   %-6s %s: %s",(*q)->system().ThreadName(s.thread).c_str(),s.shown.function.c_str(),s.shown.statement.c_str()); for(auto&n:s.shown.notes) printf(" | %s",n.c_str()); printf("\n"); } }
  } } }
